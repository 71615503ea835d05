//! `kk artifact images`: the images of a bundle, listed, pushed to a registry, and written for `docker load`.

mod choose;
mod destination;
pub mod export;
pub mod list;
mod load_tar;
pub mod push;
mod target;
