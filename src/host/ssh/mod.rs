//! A host over SSH: the way there (configuration, jump hosts), who it is (known hosts), who we are (login), and how
//! scripts and bytes get there as root.

mod config;
mod connection;
mod download;
mod exec;
mod failure;
mod forward;
mod glob;
mod host_key;
mod jumps;
mod known_hosts;
mod known_hosts_line;
mod login;
mod login_failure;
mod machine;
mod options;
mod private_key;
mod route;
mod session;
mod shell;
mod sudo;
mod target;
mod transport;
mod upload;

pub use config::{SshConfig, SshConfigError};
pub use jumps::Jumps;
pub use known_hosts::{AskHostKey, HostKeyPolicy, HostKeyQuestion, KnownHosts};
pub use options::Options;
pub use route::Routes;
pub use session::Session;
pub use target::Target;
