//! Bringing hosts that are nodes to another release: kubeadm's own upgrade first, the kubelet last.
//!
//! What kubeadm has done on a host is recorded there with the release, since nothing else tells a whole upgrade from one
//! that was cut off. A host without the record was made a node by the release that its files name.

use std::time::Duration;

use serde_json::json;

use super::init::{CONFIG, documents};
use super::{KUBECTL, api_server_url, binaries, everywhere};
use crate::cluster::{CONTROL_PLANE, ETCD, Host};
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::{Directory, Part};
use crate::install::cordon::patiently;
use crate::install::{Inputs, InstallError, config, etcd};

const MANIFESTS: &str = "/etc/kubernetes/manifests";
/// Static pods of a control plane.
const PODS: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
/// How long an API server, a node or a pod may take to be there.
const PATIENCE: Duration = Duration::from_secs(300);
/// What is recorded in place of a release while it is being brought about.
const BEGUN: &str = "begun";
/// Within this time a kubelet that has begun starts the static pods anew that it would make otherwise.
const RESTARTS: Duration = Duration::from_secs(30);
/// kubeadm waits five minutes for each of three pods.
const SLOWEST: Duration = Duration::from_secs(1200);

/// The first control plane: kubeadm's record of the cluster is that of the new release, and so are its static pods.
pub fn first_control_plane(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let version = release(inputs);
    let text = config::yaml_stream("kubeadm.yaml", &documents(inputs, host)?)?;
    let digest = Digest::of(text.as_bytes()).hex();
    let of_release = format!(
        "[ \"$({KUBECTL} get -n kube-system configmap/kubeadm-config -o 'jsonpath={{.data.ClusterConfiguration}}' | sed -n 's/^kubernetesVersion: //p')\" = {version} ]"
    );
    let recorded = asked(
        "Bring kubeadm's record of the cluster up to date",
        // The record is asked in any case: a snapshot of etcd that was put back brings an older one.
        format!("{of_release}\n{} || [ ! -e {} ]", reached("uploaded", &digest), mark("uploaded")),
        format!(
            "{}\n{of_release} || {{ {}; }}\nkubeadm init phase upload-config all --config {CONFIG} >/dev/null\n{}",
            reach("uploaded", BEGUN),
            reach("upgraded", BEGUN),
            reach("uploaded", &digest)
        ),
    );
    let mut parts = vec![
        Part::Directory(Directory { path: "/etc/kubernetes/kk".into(), mode: 0o700, owner: "root".into() }),
        Part::file(CONFIG, text),
        Part::binary("/usr/local/bin/kubeadm", inputs.source("kubeadm", host)?),
        recorded,
        kubeadm(inputs, host, &format!("apply {version} --yes")),
    ];
    parts.extend(serves(inputs, host));
    Ok(Step::new("upgrade/control-plane", format!("Upgrade the control plane to {version}"), parts))
}

/// Any other node: kubeadm brings its static pods and the kubelet's configuration up to date. The kubelet itself is as
/// before, and reads neither until it is started anew.
pub fn node(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let version = release(inputs);
    let mut parts =
        vec![Part::binary("/usr/local/bin/kubeadm", inputs.source("kubeadm", host)?), kubeadm(inputs, host, "node")];
    if !inputs.cluster.has_role(&host.name, CONTROL_PLANE) {
        return Ok(Step::new("upgrade/node", format!("Upgrade the node's configuration to {version}"), parts));
    }
    parts.extend(serves(inputs, host));
    Ok(Step::new("upgrade/control-plane", format!("Upgrade the control plane to {version}"), parts))
}

/// kubelet and kubectl of the release, and the kubelet started with them.
pub fn kubelet(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let parts = vec![
        Part::binary("/usr/local/bin/kubectl", inputs.source("kubectl", host)?),
        Part::binary("/usr/local/bin/kubelet", inputs.source("kubelet", host)?),
        Part::file("/etc/systemd/system/kubelet.service", inputs.templates.render("kubelet.service", json!({}))?),
        Part::file(
            "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
            inputs.templates.render("10-kubeadm.conf", json!({}))?,
        ),
        without_flags_that_are_gone(),
        Part::service("kubelet.service", binaries::kubelet_version(inputs, host)?),
    ];
    Ok(Step::new("upgrade/kubelet", format!("Upgrade the kubelet to {}", release(inputs)), parts))
}

/// Kubernetes 1.35 does not know the flag any more, and a kubelet ends at once where it is given one that it does not know.
/// kubeadm takes it away on the way to 1.35 alone, in the last of its phases.
fn without_flags_that_are_gone() -> Part {
    let (file, flag) = ("/var/lib/kubelet/kubeadm-flags.env", "--pod-infra-container-image");
    Part::command(
        "Take away flags that the kubelet does not know",
        format!("! grep -q -e {flag} {file} 2>/dev/null || /usr/local/bin/kubelet --help 2>&1 | grep -q -e {flag}"),
        format!("sed -i -E 's/ ?{flag}=[^ \"]*//' {file}"),
    )
}

/// The control plane serves under its new kubelet, before the next one is touched: a kubelet of another release starts the
/// static pods anew, some seconds after it has itself become ready.
pub fn settled(inputs: &Inputs, host: &Host) -> Step {
    let mut parts = vec![Part::wait(
        format!("Wait until the kubelet has run for {} s", RESTARTS.as_secs()),
        format!(
            "since=$(systemctl show -p ActiveEnterTimestampMonotonic --value kubelet.service)\n\
             [ $(($(cut -d. -f1 /proc/uptime) - since / 1000000)) -ge {} ]",
            RESTARTS.as_secs()
        ),
        PATIENCE,
    )];
    parts.extend(serves(inputs, host));
    Step::new("upgrade/settled", format!("Wait for the control plane on {}", host.name), parts)
}

/// CoreDNS and kube-proxy, from any control plane once all are of the release: before, kubeadm leaves them as they are.
pub fn addons(inputs: &Inputs) -> Result<Step, InstallError> {
    let version = release(inputs);
    let runs = |what: &str, image: &str| {
        format!(
            "[ \"$({KUBECTL} -n kube-system get {what} -o 'jsonpath={{.spec.template.spec.containers[0].image}}')\" = {image} ]"
        )
    };
    let coredns = inputs.image_of_release("registry.k8s.io/coredns/coredns")?;
    let mut parts = vec![asked(
        "Bring CoreDNS up to date",
        runs("deployment/coredns", coredns),
        format!("kubeadm init phase addon coredns --config {CONFIG} >/dev/null"),
    )];
    if !inputs.cluster.spec.kubernetes.disable_kube_proxy {
        parts.push(asked(
            "Bring kube-proxy up to date",
            runs("daemonset/kube-proxy", &format!("registry.k8s.io/kube-proxy:{version}")),
            format!("kubeadm init phase addon kube-proxy --config {CONFIG} >/dev/null"),
        ));
        parts.push(Part::wait(
            "Wait until kube-proxy runs on every node",
            everywhere::daemon_runs(inputs.cluster, "kube-system", "kube-proxy", "-l k8s-app=kube-proxy"),
            PATIENCE,
        ));
    }
    parts.push(Part::wait("Wait until CoreDNS runs", everywhere::coredns_runs(), PATIENCE));
    Ok(Step::new("upgrade/addons", "Upgrade CoreDNS and kube-proxy", parts))
}

/// kubeadm's upgrade of this host, done once for a release.
///
/// That it has begun is recorded too: its static pods may be of the release long before all else is. And what is recorded
/// counts on a control plane only with the static pods: kubeadm ends well, without doing anything, where the cluster's record
/// is of the release that they are of already.
fn kubeadm(inputs: &Inputs, host: &Host, what: &str) -> Part {
    let version = release(inputs);
    let control_plane = inputs.cluster.has_role(&host.name, CONTROL_PLANE);
    let (made_by, done) = match control_plane {
        true => {
            (manifests_name(version), format!("{} && {{ {}; }}", reached("upgraded", version), manifests_name(version)))
        }
        false => (format!("[ \"$(kubelet --version)\" = 'Kubernetes {version}' ]"), reached("upgraded", version)),
    };
    let ignore = &inputs.cluster.spec.kubernetes.ignore_preflight_errors;
    let ignore =
        if ignore.is_empty() { String::new() } else { format!(" --ignore-preflight-errors={}", ignore.join(",")) };
    Part::command(
        format!("Upgrade this host with kubeadm to {version}"),
        format!("if [ -e {} ]; then {done}; else {made_by}; fi", mark("upgraded")),
        // etcd is no pod of kubeadm's here. The end of what kubeadm says is told where it fails.
        format!(
            "{}\nkubeadm upgrade {what} --certificate-renewal=true --etcd-upgrade=false{ignore} >/run/kk/kubeadm.log 2>&1 || {{ tail -n 30 /run/kk/kubeadm.log >&2; exit 1; }}\n{}",
            reach("upgraded", BEGUN),
            reach("upgraded", version)
        ),
    )
    .within(SLOWEST)
}

/// The manifests of the static pods name this release.
fn manifests_name(version: &str) -> String {
    format!("for each in {}; do grep -q \"/$each:{version}$\" {MANIFESTS}/$each.yaml || exit 1; done", PODS.join(" "))
}

/// The host's own API server is of the release and ready, its other static pods too, and etcd is whole.
fn serves(inputs: &Inputs, host: &Host) -> Vec<Part> {
    let version = release(inputs);
    let own = format!("{KUBECTL} --server {}", api_server_url(inputs.cluster, host));
    let pods: Vec<String> = PODS.iter().map(|pod| format!("{pod}-{}", host.name)).collect();
    let ready =
        "{range .items[*]}{.spec.containers[0].image} {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}";
    let mut parts = vec![
        Part::wait(
            format!("Wait until the API server of {version} is ready"),
            format!(
                "{own} get --raw /readyz >/dev/null 2>&1 && {own} get --raw /version 2>/dev/null | grep -q '\"gitVersion\": \"{version}\"'"
            ),
            PATIENCE,
        ),
        Part::wait(
            "Wait until the control plane's pods are ready",
            format!(
                "[ \"$({KUBECTL} -n kube-system get pods {} -o 'jsonpath={ready}' 2>/dev/null | grep -c ':{version} True$')\" = {} ]",
                pods.join(" "),
                PODS.len()
            ),
            PATIENCE,
        ),
    ];
    parts.extend(inputs.cluster.has_role(&host.name, ETCD).then(|| etcd::healthy(inputs.cluster)));
    parts
}

/// The release that the cluster is on its way to.
fn release<'a>(inputs: &'a Inputs) -> &'a str {
    &inputs.cluster.spec.kubernetes.version
}

fn mark(name: &str) -> String {
    format!("/var/lib/kk/kubernetes/{name}")
}

fn reached(name: &str, what: &str) -> String {
    format!("[ \"$(cat {} 2>/dev/null)\" = {what} ]", mark(name))
}

/// Renamed into its place: a record that was cut off would name nothing.
fn reach(name: &str, what: &str) -> String {
    let mark = mark(name);
    format!("mkdir -p /var/lib/kk/kubernetes\nprintf '%s\\n' {what} >{mark}.new\nmv -fT {mark}.new {mark}")
}

/// A command whose outcome the API tells, which may be away for a moment.
fn asked(title: &str, check: String, apply: String) -> Part {
    Part::command(title, check, patiently(&apply)).settling(Duration::from_secs(60))
}
