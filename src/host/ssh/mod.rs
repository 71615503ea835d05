//! A host over SSH: who it is (known hosts), who we are (login), and how scripts and bytes get there as root.

mod connection;
mod download;
mod exec;
mod failure;
mod host_key;
mod known_hosts;
mod known_hosts_line;
mod login;
mod machine;
mod private_key;
mod session;
mod shell;
mod sudo;
mod target;
mod upload;

pub use known_hosts::{AskHostKey, HostKeyPolicy, HostKeyQuestion, KnownHosts};
pub use session::Session;
pub use target::{Options, Target};
