//! A step: what must hold on a host.

use super::part::Part;

/// What must hold on one host, as data. One round trip checks all parts, a second makes those hold that do not.
///
/// Parts are made to hold in their order, so a unit stands behind the files that it reads.
#[derive(Clone, Debug)]
pub struct Step {
    /// Stable name such as `runtime/containerd`; the journal and `--output json` use it.
    pub id: String,
    /// A short sentence in the imperative: "Install containerd 2.2.1".
    pub title: String,
    pub parts: Vec<Part>,
    /// The host that it is done for, where it runs on another one: a node that a control plane empties.
    pub about: Option<String>,
}

impl Step {
    /// A step of these parts.
    pub fn new(id: impl Into<String>, title: impl Into<String>, parts: Vec<Part>) -> Self {
        Self { id: id.into(), title: title.into(), parts, about: None }
    }

    /// Done for this host, whichever one it runs on.
    pub fn about(mut self, host: impl Into<String>) -> Self {
        self.about = Some(host.into());
        self
    }
}
