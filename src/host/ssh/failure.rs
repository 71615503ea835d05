//! Why a connection could not be made, in words.

use std::io;
use std::time::Duration;

use super::target::Target;
use crate::host::MachineError;

/// The cause inside [`crate::host::MachineError::Connect`].
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectFailure {
    #[error("the name {name:?} cannot be resolved")]
    Name {
        name: String,
        #[source]
        source: io::Error,
    },
    #[error("nothing listens there; check that sshd runs and that the port is right")]
    Refused(#[source] io::Error),
    #[error("there is no way to that address from this machine; check the address and the routes")]
    Unreachable(#[source] io::Error),
    #[error("no answer within {} s; check the address, that the host is up, and the firewalls between", after.as_secs())]
    Silent { after: Duration },
    #[error("the server opened a connection and did not finish the SSH handshake within {} s", after.as_secs())]
    Handshake { after: Duration },
    #[error("the connection failed")]
    Io(#[source] io::Error),
    #[error("the SSH handshake failed: the server and kk have no {kind} in common; the server offers {theirs}")]
    NothingInCommon { kind: String, theirs: String },
    #[error("what answers there does not speak SSH 2")]
    NotSsh,
    #[error(
        "the server closed the connection during the SSH handshake; its log says why (MaxStartups, a ban, a deny list)"
    )]
    Closed,
    #[error("the SSH handshake failed")]
    Ssh(#[source] russh::Error),
    #[error(
        "the jump host {jump} does not forward connections there; its sshd says what it allows (AllowTcpForwarding, \
         PermitOpen, options of the key in authorized_keys)"
    )]
    NotForwarded { jump: String },
    #[error(
        "the jump host {jump} cannot connect there: it does not know the name, or has no way to the address, or nothing \
         listens"
    )]
    BehindJump { jump: String },
    #[error("the jump host {jump} opens no further connection")]
    NoForward {
        jump: String,
        #[source]
        source: russh::Error,
    },
}

/// The error of a host that this keeps from being connected to.
pub(super) fn connect(target: &Target, failure: ConnectFailure) -> MachineError {
    MachineError::Connect { host: target.name.clone(), address: target.endpoint_and_way(), source: Box::new(failure) }
}

impl From<io::Error> for ConnectFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused(error),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::Unreachable(error),
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

impl From<russh::Error> for ConnectFailure {
    fn from(error: russh::Error) -> Self {
        match error {
            russh::Error::IO(error) => Self::from(error),
            russh::Error::NoCommonAlgo { kind, theirs, .. } => {
                Self::NothingInCommon { kind: format!("{kind:?}").to_lowercase(), theirs: theirs.join(", ") }
            }
            russh::Error::Version => Self::NotSsh,
            russh::Error::Disconnect | russh::Error::HUP => Self::Closed,
            error => Self::Ssh(error),
        }
    }
}
