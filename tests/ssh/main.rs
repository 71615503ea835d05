//! Sessions against a real sshd on 127.0.0.1.

mod download;
mod exec;
mod facts;
mod host_keys;
mod jump;
mod jump_trouble;
mod login;
mod sshd;
mod sudo;
mod upload;
