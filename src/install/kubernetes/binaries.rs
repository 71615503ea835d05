//! kubeadm, kubelet and kubectl, and the kubelet's unit.

use serde_json::json;

use crate::cluster::Host;
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::Part;
use crate::install::{Inputs, InstallError};

/// The binaries and the kubelet's unit, enabled; kubeadm starts it once it has a configuration.
pub fn install(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let kubelet = inputs.component("kubelet", host)?;
    let parts = vec![
        Part::binary("/usr/local/bin/kubeadm", inputs.source("kubeadm", host)?),
        Part::binary("/usr/local/bin/kubelet", inputs.source("kubelet", host)?),
        Part::binary("/usr/local/bin/kubectl", inputs.source("kubectl", host)?),
        Part::directory("/etc/systemd/system/kubelet.service.d"),
        Part::file("/etc/systemd/system/kubelet.service", inputs.templates.render("kubelet.service", json!({}))?),
        Part::file(
            "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
            inputs.templates.render("10-kubeadm.conf", json!({}))?,
        ),
        Part::command(
            "Enable the kubelet",
            "systemctl is-enabled --quiet kubelet.service",
            "systemctl daemon-reload && systemctl enable --quiet kubelet.service",
        ),
    ];
    Ok(Step::new("kubernetes/binaries", format!("Install Kubernetes {}", kubelet.version), parts))
}

/// Changes with everything that a running kubelet has read from kk.
pub(super) fn kubelet_version(inputs: &Inputs, host: &Host) -> Result<String, InstallError> {
    let text = format!(
        "{}{}{}",
        inputs.templates.render("kubelet.service", json!({}))?,
        inputs.templates.render("10-kubeadm.conf", json!({}))?,
        inputs.source("kubelet", host)?.sha256,
    );
    Ok(Digest::of(text.as_bytes()).hex())
}
