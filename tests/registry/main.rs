//! Pull and push against a real registry: Debian's `docker-registry` on 127.0.0.1, with tiny images made here.

mod double;
mod faults;
mod images;
mod login;
mod pull;
mod push;
mod server;
mod token;
