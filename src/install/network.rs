//! The network plugin.

use serde_json::json;

use super::kubernetes::KUBECTL;
use super::{Inputs, InstallError};
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::Part;
use crate::host::quote;

/// Applies the network plugin from the first control plane; `None` where the cluster file wants none of kk's.
pub fn apply(inputs: &Inputs) -> Result<Option<Step>, InstallError> {
    if inputs.cluster.spec.network.plugin != "flannel" {
        return Ok(None);
    }
    let network = &inputs.cluster.spec.network;
    let mut backend = json!({ "Type": network.flannel.backend_mode });
    if network.flannel.direct_routing {
        backend["DirectRouting"] = true.into();
    }
    let manifest = inputs.templates.render(
        "flannel.yaml",
        json!({
            "pods": network.kube_pods_cidr,
            "nftables": inputs.cluster.spec.kubernetes.proxy_mode == "nftables",
            "backend": backend,
            "image": inputs.image_in("ghcr.io/flannel-io/flannel")?,
            "plugin_image": inputs.image_in("ghcr.io/flannel-io/flannel-cni-plugin")?,
        }),
    )?;
    let checksum = Digest::of(manifest.as_bytes()).hex();
    // The checksum stands in the cluster itself, so that what counts is what was applied there.
    let daemonset = "-n kube-flannel daemonset/kube-flannel-ds";
    // Nor is it kept in a file: the control plane from which the cluster is worked on may be another one tomorrow.
    let parts = vec![Part::command(
        "Apply flannel",
        format!(
            "[ \"$({KUBECTL} get {daemonset} -o 'jsonpath={{.metadata.annotations.kk\\.dev/sha256}}' 2>/dev/null)\" = {checksum} ]"
        ),
        format!(
            "printf %s {} | {KUBECTL} apply --server-side --force-conflicts -f -\n\
             {KUBECTL} annotate --overwrite {daemonset} kk.dev/sha256={checksum}",
            quote(&manifest)
        ),
    )];
    Ok(Some(Step::new("network/flannel", "Apply the network plugin flannel", parts)))
}
