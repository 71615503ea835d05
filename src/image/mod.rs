//! OCI images: references, pull, push, serve. Speaks the distribution specification to any registry.
//!
//! [`client::Client`] is one registry with one login; [`pull`] reads from it, [`push`] writes to it. [`serve`] is a registry
//! itself, a read-only one.

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
mod room;
pub mod serve;
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
