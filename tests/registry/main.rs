//! Pull and push against a real registry: Debian's `docker-registry` on 127.0.0.1, with tiny images made here.

mod behind_jump_host;
mod double;
mod faults;
mod images;
mod login;
mod pull;
mod push;
mod server;
#[allow(dead_code, reason = "shared with the tests of the sessions, which need more of it")]
#[path = "../ssh/sshd.rs"]
mod sshd;
mod token;
