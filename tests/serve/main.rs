//! `kk artifact serve` and `kk artifact images`: bundles of tiny images, read by skopeo and written to a real registry.

#[allow(dead_code, reason = "shared with the tests of the image room")]
#[path = "../registry/images.rs"]
mod images;
#[allow(dead_code, reason = "shared with the tests of the image room")]
#[path = "../registry/server.rs"]
mod server;

mod clients;
mod conformance;
mod guide;
mod http;
mod load;
mod process;
mod pushed;
mod world;
