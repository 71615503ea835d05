//! The private registry and how registries are reached.

use std::collections::BTreeMap;

use super::Problems;
use crate::cluster::{ClusterSpec, RegistryAuth, names};
use crate::yaml::{Path, Problem};

pub fn check(spec: &ClusterSpec, problems: &mut Problems) {
    let all = Path::of("spec.registry");
    let registry = &spec.registry;
    problems.one_of(all.key("type"), &registry.kind, &["", "registry", "harbor", "harbor-ha"]);
    if !registry.private_registry.is_empty() {
        host(all.key("privateRegistry"), &registry.private_registry, problems);
    }
    problems.absolute(all.key("registryDataDir"), &registry.registry_data_dir);
    for (key, path) in [
        ("containerdDataDir", &registry.containerd_data_dir),
        ("dockerDataDir", &registry.docker_data_dir),
        ("dataRoot", &registry.data_root),
    ] {
        if !path.is_empty() {
            problems.absolute(all.key(key), path);
        }
    }
    for (index, mirror) in registry.registry_mirrors.iter().enumerate() {
        let path = all.key("registryMirrors").index(index);
        let rest = mirror.strip_prefix("https://").or_else(|| mirror.strip_prefix("http://"));
        if rest.is_none_or(str::is_empty) {
            problems.add(path.clone(), format!("{path} must begin with https:// or http://"));
        }
    }
    for (index, insecure) in registry.insecure_registries.iter().enumerate() {
        host(all.key("insecureRegistries").index(index), insecure, problems);
    }
    if let Some(rewrite) = &registry.namespace_rewrite {
        problems.one_of(all.key("namespaceRewrite").key("policy"), &rewrite.policy, &["changePrefix"]);
    }
    auths(&all.key("auths"), &registry.auths, problems);
}

/// Checks credentials by registry host.
pub fn auths(path: &Path, auths: &BTreeMap<String, RegistryAuth>, problems: &mut Problems) {
    for (name, auth) in auths {
        let path = path.key(name);
        host(path.clone(), name, problems);
        if auth.username.is_empty() && auth.password.is_some() {
            problems.add(path.clone(), format!("{path} has a password and no username"));
        }
        if auth.plain_http && !auth.ca_file.is_empty() {
            let message = format!("{path} has a caFile, and plainHTTP: true means that there is no TLS");
            problems.add(path.key("caFile"), message);
        }
        if auth.cert_file.is_empty() != auth.key_file.is_empty() {
            problems.add(path.clone(), format!("{path} needs certFile and keyFile together"));
        }
    }
}

/// Checks the name of a registry: a host, perhaps a port, perhaps a path.
fn host(path: Path, text: &str, problems: &mut Problems) {
    if let Some((_, rest)) = text.split_once("://") {
        let message = format!("{path} must be a host name, without a scheme");
        // What stands before an @ may be a password.
        let bare = rest.rsplit('@').next().unwrap_or_default().trim_end_matches('/').to_owned();
        problems.push(Problem::new(path, message).hint(format!("write \"{bare}\"")));
        return;
    }
    let name = text.split('/').next().unwrap_or_default();
    if let Some((_, name)) = name.rsplit_once('@') {
        let hint = format!("write \"{name}\", and the login in auths");
        problems.push(Problem::new(path.clone(), format!("{path} must be a host name, without a login")).hint(hint));
    } else if !names::is_host_with_port(name) {
        problems.add(path, format!("{name:?} is not the host name of a registry, such as registry.example:5000"));
    }
}
