//! The network plugin.

use serde_json::json;

use super::kubernetes::KUBECTL;
use super::{Inputs, InstallError};
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::Part;
use crate::host::quote;

/// Where flannel tells the kubelet of its node, on the loopback address, that it has reached the API. flannel has no usual port
/// for it; this one is beside those of Kubernetes' own components (10248 to 10259) and none of them uses it.
pub const FLANNEL_HEALTH_PORT: u16 = 10261;

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
            "health_port": FLANNEL_HEALTH_PORT,
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
