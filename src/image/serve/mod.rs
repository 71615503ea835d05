//! A read-only registry over blobs that lie on this side, such as those of a bundle.
//!
//! Speaks the pull and content discovery parts of the distribution specification, version 1.1.
//!
//! - [`shelf`]: what is on offer, by name and digest.
//! - [`route`]: what a request asks for; [`range`]: which bytes of it; [`page`]: which part of a list.
//! - [`answer`](mod@answer): the answer to a request, as data. All up to here is pure.
//! - [`listen`]: connections; [`body`]: blobs on their way, in bounded memory; [`tls`]: the server's certificate.

pub mod answer;
mod body;
pub mod listen;
pub mod page;
mod patient;
pub mod range;
pub mod route;
pub mod shelf;
pub mod tls;

pub use listen::{Served, Server};
pub use shelf::Shelf;
