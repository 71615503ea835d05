//! New certificates in the place of old ones, and programs that use them. Works without a cluster that answers: what is
//! renewed may have run out long ago.

mod control_plane;
mod etcd;
mod kubelet;
mod registry;

use std::collections::{BTreeMap, BTreeSet};

pub use control_plane::{renew as control_plane, restart as restart_control_plane};
pub use etcd::{files as etcd_files, restart as restart_etcd};
pub use kubelet::renew as kubelet;
pub use registry::renew as registry;

use super::certs::{Keys, Name, Pair};
use crate::cluster::Cluster;
use crate::digest::Digest;

/// What is renewed, and with what.
pub struct Renewal<'a> {
    pub cluster: &'a Cluster,
    /// With new pairs in the place of old ones, kept already.
    pub keys: &'a Keys,
    /// The certificates that are looked after; others are left alone.
    pub names: &'a BTreeSet<Name>,
    /// Host → what is made anew there.
    pub due: &'a BTreeMap<String, Vec<Due>>,
    /// Host → the new pair of its kubelet.
    pub kubelets: &'a BTreeMap<String, Pair>,
    /// When it was planned, as kubelets write it into names of files: `2026-11-25-21-56-18`.
    pub stamp: &'a str,
}

/// A file on a host whose certificate is made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub name: Name,
    pub path: &'static str,
    /// The file as it was found: once it is another one, the work is done.
    pub digest: Digest,
}

impl Renewal<'_> {
    /// What is due on a host.
    fn due_on(&self, host: &str) -> &[Due] {
        self.due.get(host).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether any of these is looked after.
    pub fn any(&self, names: impl IntoIterator<Item = Name>) -> bool {
        names.into_iter().any(|name| self.names.contains(&name))
    }
}

impl Due {
    /// Shell text that succeeds once the file is another one than was found.
    fn is_replaced(&self) -> String {
        format!(
            "[ -s {0} ] && kk_now=$(sha256sum <{0}) && [ \"${{kk_now%% *}}\" != {1} ]",
            self.path,
            self.digest.hex()
        )
    }
}
