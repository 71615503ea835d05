//! OCI images: references, pull, push. Speaks the distribution specification to any registry.
//!
//! [`client::Client`] is one registry with one login; [`pull`] reads from it, [`push`] writes to it.

mod auth;
mod blob;
pub mod client;
pub mod error;
mod failure;
mod login;
pub mod manifest;
mod parts;
pub mod platform;
pub mod pull;
pub mod push;
pub mod reference;
pub mod registry;
mod retry;
pub mod tls;
mod transport;
mod upload;

pub use client::Client;
pub use error::RegistryError;
pub use platform::Platform;
pub use pull::{ResolvedImage, resolve};
pub use push::{ImageSource, Pushed, Pusher, Wanted};
pub use reference::Reference;
pub use registry::RegistryAccess;
