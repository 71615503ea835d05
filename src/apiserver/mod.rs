//! Kubernetes' own API, read over HTTPS with a kubeconfig: which nodes a cluster has, and which images run on it.

mod client;
mod kubeconfig;
mod named;
pub mod objects;
#[cfg(test)]
mod tests;

pub use client::{ApiError, Client};
pub use kubeconfig::{Access, KubeconfigError, Login};
