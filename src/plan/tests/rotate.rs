//! What is planned in each pass of a rotation of authorities.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};

use super::{Forgetful, cluster, render};
use crate::digest::Digest;
use crate::install::certs::{Authority, Keys, Name, Pass, Rotation};
use crate::install::renew::{Due, Renewal};
use crate::install::rotate::Turn;
use crate::plan::{Order, Plan, rotate};

fn planned(authorities: &[Authority], pass: Pass) -> Plan {
    let cluster = cluster();
    let keys = Keys::prepare(&cluster, &Forgetful).expect("keys can be made");
    let rotation = Rotation { authorities: authorities.iter().copied().collect::<BTreeSet<_>>(), pass };
    let names = rotation.names();
    let conf = Due { name: Name::AdminConf, path: "/etc/kubernetes/admin.conf", digest: Digest::of(b"old") };
    let (due, kubelets) = (BTreeMap::from([("node1".to_owned(), vec![conf])]), BTreeMap::new());
    let renewal =
        Renewal { cluster: &cluster, keys: &keys, names: &names, due: &due, kubelets: &kubelets, stamp: "now" };
    let turn = Turn { cluster: &cluster, rotation: &rotation, keys: &keys, leave_workloads: false };
    let kubeconfig = Some(("kubeconfig".into(), SecretString::from("hush".to_owned())));
    let plan = rotate(&turn, &renewal, kubeconfig).expect("a plan can be made");
    for pair in [&keys.kubernetes_ca, &keys.etcd_ca, &keys.front_proxy_ca] {
        let secret = pair.key.expose_secret().lines().nth(1).expect("a key has lines").to_owned();
        assert!(!render(&plan).contains(&secret) && !format!("{plan:?}").contains(&secret));
    }
    plan
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.stages.iter().map(|stage| stage.name.as_str()).collect()
}

#[test]
fn the_controller_manager_signs_with_one_certificate_for_as_long_as_two_are_trusted() {
    let begin = ["signing", "trust", "etcd-files", "etcd", "registry", "kubelets", "control-planes"];
    for pass in [Pass::Trust, Pass::Sign] {
        assert_eq!(names(&planned(&Authority::ALL, pass)), [&begin[..], &["kubeconfig", "cluster"]].concat());
    }
    let last = planned(&Authority::ALL, Pass::Forget);
    assert_eq!(names(&last), [&begin[1..], &["signing-as-usual", "kubeconfig", "cluster"]].concat());
}

#[test]
fn one_member_and_one_control_plane_at_a_time_and_all_trust_before() {
    let plan = planned(&Authority::ALL, Pass::Trust);
    for stage in &plan.stages {
        let one_by_one = ["signing", "etcd", "control-planes"].contains(&stage.name.as_str());
        assert_eq!(stage.order == Order::OneByOne, one_by_one, "{}", stage.name);
    }
    let after = |name: &str| plan.stages.iter().find(|stage| stage.name == name).map(|stage| stage.after.clone());
    assert_eq!(after("trust"), Some(vec!["signing".into()]));
    assert_eq!(after("control-planes"), Some(vec!["trust".into(), "etcd".into(), "kubelets".into()]));
    assert_eq!(after("etcd"), Some(vec!["etcd-files".into()]));
}

/// What is due is known by the file as it was found: whatever else changes it comes later.
#[test]
fn kubeconfigs_are_renewed_before_they_are_changed() {
    let text = render(&planned(&Authority::ALL, Pass::Sign));
    let renewed = text.find("- Renew admin.conf").expect("it is renewed");
    assert!(text.find("/etc/kubernetes/admin.conf").expect("it is changed") > renewed, "{text}");
}

#[test]
fn what_is_not_rotated_is_left_alone() {
    assert_eq!(names(&planned(&[Authority::RegistryCa], Pass::Sign)), ["trust", "registry", "kubeconfig", "cluster"]);
    let etcd = planned(&[Authority::EtcdCa], Pass::Forget);
    assert_eq!(names(&etcd), ["trust", "etcd-files", "etcd", "control-planes", "kubeconfig", "cluster"]);
    let text = render(&etcd);
    assert!(text.contains("/etc/kubernetes/pki/etcd/ca.crt") && text.contains("/etc/ssl/etcd/ssl/ca.pem"));
    assert!(!text.contains("pki/ca.crt") && !text.contains("registry-ca") && !text.contains("workloads"));
}
