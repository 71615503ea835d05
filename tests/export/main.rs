//! Downloads, and `kk artifact export`, `verify` and `inspect`, with a file server and a real registry on loopback.

#[allow(dead_code, reason = "shared with the tests of the image room")]
#[path = "../registry/images.rs"]
mod images;
#[allow(dead_code, reason = "shared with the tests of the image room")]
#[path = "../registry/server.rs"]
mod server;

mod bad_days;
mod carried;
mod delta;
mod fetch;
mod fileserver;
mod foresight;
mod lock;
mod look;
mod no_cache;
mod sbom;
mod world;
