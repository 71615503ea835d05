//! What is planned when certificates are renewed.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};

use super::{Forgetful, cluster, render};
use crate::digest::Digest;
use crate::install::certs::{Keys, Name};
use crate::install::renew::{Due, Renewal};
use crate::plan::{Plan, renew};

/// The plan that renews these names, with `due` on node1.
fn planned(names: &[Name], due: &[(Name, &'static str)]) -> Plan {
    let cluster = cluster();
    let keys = Keys::prepare(&cluster, &Forgetful).expect("keys can be made");
    let due = due.iter().map(|(name, path)| Due { name: *name, path, digest: Digest::of(b"old") }).collect();
    let renewal = Renewal {
        cluster: &cluster,
        keys: &keys,
        names: &names.iter().copied().collect::<BTreeSet<_>>(),
        due: &BTreeMap::from([("node1".to_owned(), due)]),
        kubelets: &BTreeMap::from([("node1".to_owned(), keys.kubelet("node1").expect("it is signed"))]),
        stamp: "2026-11-25-21-56-18",
    };
    let kubeconfig =
        names.contains(&Name::Operator).then(|| ("kubeconfig".into(), SecretString::from("hush".to_owned())));
    let plan = renew(&renewal, kubeconfig).expect("a plan can be made");
    let text = render(&plan);
    for pair in [&keys.kubernetes_ca, &keys.operator, &renewal.kubelets["node1"]] {
        let secret = pair.key.expose_secret().lines().nth(1).expect("a key has lines").to_owned();
        assert!(!text.contains(&secret) && !format!("{plan:?}").contains(&secret));
    }
    plan
}

#[test]
fn everything_is_renewed_in_an_order_in_which_nothing_waits_for_what_has_run_out() {
    let due = [
        (Name::Apiserver, "/etc/kubernetes/pki/apiserver.crt"),
        (Name::AdminConf, "/etc/kubernetes/admin.conf"),
        (Name::Kubelet, "/var/lib/kubelet/pki/kubelet-client-current.pem"),
        (Name::KubeletServing, "/var/lib/kubelet/pki/kubelet.crt"),
    ];
    insta::assert_snapshot!(render(&planned(&Name::ALL, &due)), @"
    Plan for cluster sample: 7 stages, 18 steps on 5 hosts

    1. Place the certificates of etcd [etcd-files]
       node1, node2, node3
         Place the certificate of etcd [renew/etcd-files]
           - file /etc/ssl/etcd/ssl/member.pem
           - file /etc/ssl/etcd/ssl/member-key.pem

    2. Restart etcd [etcd] (after etcd-files; one host after the other)
       node1, node2, node3
         Restart etcd [renew/etcd]
           - Restart etcd where it began before its certificate was written
           - Wait until every member of etcd is healthy

    3. Renew the certificate of the registry [registry]
       node5
         Renew the certificate of the registry [renew/registry]
           - file /etc/registry/ssl/registry.crt
           - file /etc/registry/ssl/registry.key
           - Restart registry where it began before its certificate was written
           - Wait until the registry listens

    4. Renew the certificates of kubelets [kubelets]
       node1
         Renew the certificates of the kubelet [renew/kubelet]
           - file /var/lib/kubelet/pki/kubelet-client-kk-2026-11-25-21-56-18.pem
           - link /var/lib/kubelet/pki/kubelet-client-current.pem to /var/lib/kubelet/pki/kubelet-client-kk-2026-11-25-21-56-18.pem
           - Lead kubelet.conf to the kubelet's certificate
           - Restart kubelet where it began before its certificate was placed
           - Let the kubelet make a new serving certificate
       node2, node3, node4
         Renew the certificates of the kubelet [renew/kubelet]
           - Restart kubelet where it began before its certificate was placed

    5. Renew the control planes [control-planes] (after etcd, kubelets; one host after the other)
       node1
         Renew the certificates of the control plane [renew/control-plane]
           - file /etc/kubernetes/pki/apiserver-etcd-client.crt
           - file /etc/kubernetes/pki/apiserver-etcd-client.key
           - Renew apiserver
           - Renew admin.conf
         Restart the control plane [renew/restart]
           - Restart kube-apiserver where it began before its certificates were written
           - Wait until the API server answers with the certificate that lies there
           - Restart kube-controller-manager where it began before its certificates were written
           - Restart kube-scheduler where it began before its certificates were written
       node2, node3
         Renew the certificates of the control plane [renew/control-plane]
           - file /etc/kubernetes/pki/apiserver-etcd-client.crt
           - file /etc/kubernetes/pki/apiserver-etcd-client.key
         Restart the control plane [renew/restart]
           - Restart kube-apiserver where it began before its certificates were written
           - Wait until the API server answers with the certificate that lies there
           - Restart kube-controller-manager where it began before its certificates were written
           - Restart kube-scheduler where it began before its certificates were written

    6. Write the kubeconfig [kubeconfig]
       this machine
         Write kubeconfig

    7. Wait for the cluster [ready] (after control-planes, kubelets)
       node1
         Wait for the cluster [renew/ready]
           - Wait until 4 nodes are ready
    ");
}

#[test]
fn what_is_not_named_is_left_alone() {
    insta::assert_snapshot!(render(&planned(&[Name::Registry], &[])), @"
    Plan for cluster sample: 1 stages, 1 steps on 1 hosts

    1. Renew the certificate of the registry [registry]
       node5
         Renew the certificate of the registry [renew/registry]
           - file /etc/registry/ssl/registry.crt
           - file /etc/registry/ssl/registry.key
           - Restart registry where it began before its certificate was written
           - Wait until the registry listens
    ");
    insta::assert_snapshot!(render(&planned(&[Name::Operator], &[])), @"
    Plan for cluster sample: 1 stages, 0 steps on 0 hosts

    1. Write the kubeconfig [kubeconfig]
       this machine
         Write kubeconfig
    ");
}
