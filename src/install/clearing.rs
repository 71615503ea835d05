//! That a host is being cleared: remembered on it before the first thing goes, until the last has gone.
//!
//! Once etcd has begun to go, nothing but the end of the removal leads to a host that can be used again. An installation over
//! what is left would find members that etcd does not know, and wait for them.

use crate::host::part::{Absent, Part};
use crate::host::{Clearing, Step};

const MARK: &str = "/var/lib/kk/clearing";

/// What a host has as long as a removal has something to take away there.
const SOMETHING: &str = "/etc/kubernetes /etc/etcd /etc/systemd/system/kubelet.service /etc/systemd/system/etcd.service \
                         /var/lib/kk/etcd /var/lib/kk/kubernetes";

/// Remembers that this command clears the host; a host on which there is nothing to clear is left as it is.
pub fn begun(by: Clearing) -> Step {
    let word = by.word();
    let marked = Part::command(
        "Remember that the host is being cleared",
        format!("[ \"$(cat {MARK} 2>/dev/null)\" = {word} ] || [ -z \"$(ls -d {SOMETHING} 2>/dev/null)\" ]"),
        format!("mkdir -p /var/lib/kk\necho {word} > {MARK}\nsync -- {MARK} || sync"),
    );
    Step::new("remove/begun", "Remember that the host is being cleared", vec![marked])
}

/// The host is clear.
pub fn over() -> Part {
    Part::Absent(Absent { path: MARK.into() })
}
