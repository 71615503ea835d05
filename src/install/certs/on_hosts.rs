//! Where certificates lie on hosts, and which programs use them.

use super::Name;

/// A file on hosts with a certificate in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub path: &'static str,
    /// What it is called; authorities are named as in the site's folder.
    pub name: &'static str,
    /// `None`: it is not renewed.
    pub renewable: Option<Name>,
    pub reader: Reader,
}

/// Who has read a file when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Nobody keeps it: it is read anew each time, or its bearer replaces it by itself.
    Nobody,
    /// A systemd unit.
    Unit(&'static str),
    /// A container of a static pod.
    Container(&'static str),
}

/// What the kubelet shows to API servers: a link to the newest of several files, each with certificate and key.
pub const KUBELET: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";
/// What the kubelet signs itself when it is not there.
pub const KUBELET_SERVING: &str = "/var/lib/kubelet/pki/kubelet.crt";
/// What the cluster signed for the kubelet to show, where it is told to (`serverTLSBootstrap`).
pub const KUBELET_SIGNED: &str = "/var/lib/kubelet/pki/kubelet-server-current.pem";

pub const APISERVER: &str = "kube-apiserver";
pub const CONTROLLER_MANAGER: &str = "kube-controller-manager";
pub const SCHEDULER: &str = "kube-scheduler";

const fn of(name: Name, path: &'static str, reader: Reader) -> Place {
    Place { path, name: name.as_str(), renewable: Some(name), reader }
}

const fn authority(name: &'static str, path: &'static str) -> Place {
    Place { path, name, renewable: None, reader: Reader::Nobody }
}

/// Every place that is looked at, on every host: what is not there is passed over.
pub const PLACES: &[Place] = &[
    // API servers take up another one of these while they run.
    of(Name::Apiserver, "/etc/kubernetes/pki/apiserver.crt", Reader::Nobody),
    of(Name::ApiserverKubeletClient, "/etc/kubernetes/pki/apiserver-kubelet-client.crt", Reader::Container(APISERVER)),
    of(Name::ApiserverEtcdClient, "/etc/kubernetes/pki/apiserver-etcd-client.crt", Reader::Container(APISERVER)),
    of(Name::FrontProxyClient, "/etc/kubernetes/pki/front-proxy-client.crt", Reader::Container(APISERVER)),
    of(Name::AdminConf, "/etc/kubernetes/admin.conf", Reader::Nobody),
    of(Name::SuperAdminConf, "/etc/kubernetes/super-admin.conf", Reader::Nobody),
    of(Name::ControllerManagerConf, "/etc/kubernetes/controller-manager.conf", Reader::Container(CONTROLLER_MANAGER)),
    of(Name::SchedulerConf, "/etc/kubernetes/scheduler.conf", Reader::Container(SCHEDULER)),
    of(Name::Kubelet, KUBELET, Reader::Nobody),
    // Only until the kubelet has a file of its own.
    of(Name::Kubelet, "/etc/kubernetes/kubelet.conf", Reader::Nobody),
    of(Name::KubeletServing, KUBELET_SERVING, Reader::Nobody),
    // Signed by the cluster on the kubelet's request, which it repeats in time by itself.
    Place { path: KUBELET_SIGNED, name: "kubelet-serving", renewable: None, reader: Reader::Nobody },
    of(Name::Etcd, "/etc/ssl/etcd/ssl/member.pem", Reader::Unit("etcd.service")),
    of(Name::Registry, "/etc/registry/ssl/registry.crt", Reader::Unit("registry.service")),
    authority("kubernetes-ca", "/etc/kubernetes/pki/ca.crt"),
    authority("front-proxy-ca", "/etc/kubernetes/pki/front-proxy-ca.crt"),
    authority("etcd-ca", "/etc/kubernetes/pki/etcd/ca.crt"),
    authority("etcd-ca", "/etc/ssl/etcd/ssl/ca.pem"),
    authority("registry-ca", "/etc/containerd/registry-ca.crt"),
];

/// The place of this path.
pub fn place(path: &str) -> Option<&'static Place> {
    PLACES.iter().find(|place| place.path == path)
}

/// The files of a renewable certificate.
pub fn paths_of(name: Name) -> Vec<&'static str> {
    PLACES.iter().filter(|place| place.renewable == Some(name)).map(|place| place.path).collect()
}

/// The files that a reader has read when it began.
pub fn read_by(reader: Reader) -> Vec<&'static str> {
    PLACES.iter().filter(|place| place.reader == reader).map(|place| place.path).collect()
}
