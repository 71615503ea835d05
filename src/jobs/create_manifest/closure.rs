//! All that goes with versions of Kubernetes and with the choices that a cluster file makes.

use super::draft::Draft;
use super::{OWN_VERSION, Options};
use crate::catalog::{Catalog, Choice};
use crate::install::etcd::path;
use crate::jobs::{JobError, Kind};

/// Images of a release of Kubernetes.
pub(super) const RELEASE: [&str; 4] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"];

/// What runs on hosts whatever is chosen.
const COMPONENTS: [&str; 5] = ["helm", "cni", "etcd", "runc", "crictl"];

/// Adds what the asked versions and choices need. What the draft has already is left as it is.
pub(super) fn add(draft: &mut Draft, options: &Options, catalog: &Catalog) -> Result<(), JobError> {
    let from_cluster = !draft.distributions.is_empty();
    for arch in &options.arches {
        // A running cluster says itself what its hosts are.
        if !from_cluster && !draft.arches.contains(arch) {
            draft.arches.push(arch.clone());
        }
    }
    for version in &options.kubernetes {
        draft.distribution("kubernetes", version);
    }
    for version in draft.versions_of("kubernetes") {
        release(draft, &version, catalog)?;
    }
    let newest = draft.newest();
    let defaults = newest.as_deref().and_then(|newest| catalog.defaults(newest));
    for name in COMPONENTS {
        if let Some(version) = defaults.and_then(|defaults| defaults.versions.get(name)) {
            draft.component(name, version);
        }
    }
    etcd_via(draft, options, catalog);
    if draft.runtimes.is_empty()
        && let Some(version) = defaults.and_then(|defaults| defaults.versions.get("containerd"))
    {
        draft.runtimes.push(("containerd".into(), version.clone()));
    }
    draft.component("kk", OWN_VERSION);

    if !from_cluster {
        let network = chosen("network plugin", &options.network, &catalog.choices.networks)?;
        take(draft, &format!("network plugin {}", options.network), network);
        for (name, choice) in &catalog.choices.loadbalancers {
            take(draft, &format!("internalLoadbalancer: {name}"), choice);
        }
    }
    if let Some(registry) = &options.registry {
        // KubeKey's documentation writes "docker registry".
        let name = match registry.replace([' ', '_'], "-").as_str() {
            "docker-registry" => "registry".to_owned(),
            other => other.to_owned(),
        };
        take(draft, "registry", chosen("registry", &name, &catalog.choices.registries)?);
    }
    Ok(())
}

/// The releases of etcd that a cluster goes through on its way through these releases of Kubernetes.
fn etcd_via(draft: &mut Draft, options: &Options, catalog: &Catalog) {
    let all = options.from.iter().cloned().chain(draft.versions_of("kubernetes"));
    let mut etcd: Vec<&str> =
        all.filter_map(|version| Some(catalog.defaults(&version)?.versions.get("etcd")?.as_str())).collect();
    let own = draft.components.iter().find(|(name, _)| name == "etcd");
    if let (Some((_, version)), Some(last)) = (own, etcd.last_mut()) {
        *last = version;
    }
    draft.etcd_via = path::to_carry(&etcd);
}

/// The images that kubeadm of a release asks for.
fn release(draft: &mut Draft, version: &str, catalog: &Catalog) -> Result<(), JobError> {
    let defaults = catalog.defaults(version).ok_or_else(|| {
        JobError::new(Kind::Usage, format!("the catalog does not know what goes with Kubernetes {version}"))
    })?;
    let heading = format!("Kubernetes {version}");
    for image in RELEASE {
        draft.image(&heading, &format!("registry.k8s.io/{image}:{version}"));
    }
    for image in &defaults.images {
        draft.image(&heading, image);
    }
    Ok(())
}

fn chosen<'a>(
    what: &str,
    name: &str,
    known: &'a std::collections::BTreeMap<String, Choice>,
) -> Result<&'a Choice, JobError> {
    known.get(name).ok_or_else(|| {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        JobError::new(Kind::Usage, format!("kk knows no {what} {name:?}"))
            .hint(format!("known are {}", names.join(", ")))
    })
}

fn take(draft: &mut Draft, heading: &str, choice: &Choice) {
    for (name, version) in &choice.versions {
        draft.component(name, version);
    }
    for image in &choice.images {
        draft.image(heading, image);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(change: impl FnOnce(&mut Options)) -> Result<String, String> {
        let mut options = Options {
            name: "sample".into(),
            kubernetes: vec!["v1.35.4".into()],
            arches: vec!["amd64".into()],
            registry: None,
            network: "flannel".into(),
            kubeconfig: None,
            from: None,
        };
        change(&mut options);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(super::super::text(&options, &crate::event::silent())).map_err(|error| error.to_string())
    }

    /// The images of a manifest, as `kubeadm config images list` has them.
    fn images(text: &str) -> Vec<String> {
        text.lines()
            .filter_map(|line| line.trim().strip_prefix("- "))
            .filter(|line| line.contains('/'))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn one_version_is_a_whole_manifest() {
        insta::assert_snapshot!(manifest(|options| options.registry = Some("docker registry".into())).unwrap(), @"
        # What to carry across the gap for Kubernetes v1.35.4.
        # `kk artifact export -m FILE` makes one file of it that holds all that the datacenter needs.
        # Further images of your own belong at the end of the list; charts and files have lists of their own.
        apiVersion: kubekey.kubesphere.io/v1alpha2
        kind: Manifest
        metadata:
          name: sample
        spec:
          arches: [amd64]
          operatingSystems: []
          kubernetesDistributions:
            - {type: kubernetes, version: v1.35.4}
          components:
            helm: {version: v3.22.0}
            cni: {version: v1.9.1}
            etcd: {version: v3.6.15}
            runc: {version: v1.4.3}
            crictl: {version: v1.36.0}
            kk: {version: v0.1.0}
            docker-registry: {version: v3.1.2}
            containerRuntimes:
              - {type: containerd, version: v2.2.9}
          images:
            # Kubernetes v1.35.4
            - registry.k8s.io/kube-apiserver:v1.35.4
            - registry.k8s.io/kube-controller-manager:v1.35.4
            - registry.k8s.io/kube-scheduler:v1.35.4
            - registry.k8s.io/kube-proxy:v1.35.4
            - registry.k8s.io/pause:3.10.1
            - registry.k8s.io/etcd:3.6.6-0
            - registry.k8s.io/coredns/coredns:v1.13.1
            # network plugin flannel
            - ghcr.io/flannel-io/flannel:v0.28.4
            - ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel1
            # internalLoadbalancer: haproxy
            - docker.io/library/haproxy:2.6.12
        ");
    }

    #[test]
    fn an_upgrade_path_has_the_images_of_each_step() {
        let path = ["v1.33.13", "v1.34.4", "v1.35.4", "v1.36.3"].map(str::to_owned).to_vec();
        let text = manifest(|options| options.kubernetes = path).unwrap();
        insta::assert_snapshot!(images(&text).join("\n"), @"
        registry.k8s.io/kube-apiserver:v1.33.13
        registry.k8s.io/kube-controller-manager:v1.33.13
        registry.k8s.io/kube-scheduler:v1.33.13
        registry.k8s.io/kube-proxy:v1.33.13
        registry.k8s.io/pause:3.10
        registry.k8s.io/etcd:3.5.24-0
        registry.k8s.io/coredns/coredns:v1.12.0
        registry.k8s.io/kube-apiserver:v1.34.4
        registry.k8s.io/kube-controller-manager:v1.34.4
        registry.k8s.io/kube-scheduler:v1.34.4
        registry.k8s.io/kube-proxy:v1.34.4
        registry.k8s.io/pause:3.10.1
        registry.k8s.io/etcd:3.6.5-0
        registry.k8s.io/coredns/coredns:v1.12.1
        registry.k8s.io/kube-apiserver:v1.35.4
        registry.k8s.io/kube-controller-manager:v1.35.4
        registry.k8s.io/kube-scheduler:v1.35.4
        registry.k8s.io/kube-proxy:v1.35.4
        registry.k8s.io/etcd:3.6.6-0
        registry.k8s.io/coredns/coredns:v1.13.1
        registry.k8s.io/kube-apiserver:v1.36.3
        registry.k8s.io/kube-controller-manager:v1.36.3
        registry.k8s.io/kube-scheduler:v1.36.3
        registry.k8s.io/kube-proxy:v1.36.3
        registry.k8s.io/pause:3.10.2
        registry.k8s.io/etcd:3.6.8-0
        registry.k8s.io/coredns/coredns:v1.14.2
        ghcr.io/flannel-io/flannel:v0.28.4
        ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel1
        docker.io/library/haproxy:2.6.12
        ");
        let source = crate::yaml::parse("manifest.yaml", text.as_bytes()).unwrap();
        let read = crate::manifest::read(&source).unwrap();
        assert_eq!(read.spec.kubernetes_distributions.len(), 4);
        assert_eq!(read.spec.components.etcd.version, "v3.6.15");
        assert!(read.spec.components.docker_registry.is_absent());
    }

    #[test]
    fn what_kk_cannot_install_is_not_chosen() {
        assert_eq!(
            manifest(|options| options.network = "calico".into()).unwrap_err(),
            "kk knows no network plugin \"calico\""
        );
        assert_eq!(
            manifest(|options| options.registry = Some("zot".into())).unwrap_err(),
            "kk knows no registry \"zot\""
        );
        let harbor = manifest(|options| options.registry = Some("harbor".into())).unwrap();
        assert!(harbor.contains("harbor: {version: v2.10.2}") && harbor.contains("docker-compose: "), "{harbor}");
        let bare = manifest(|options| options.network = "none".into()).unwrap();
        assert!(!bare.contains("flannel"), "{bare}");
    }

    #[test]
    fn kk_is_carried_where_the_one_that_runs_will_do() {
        let own = crate::host::local::own_arch().to_owned();
        let other = if own == "amd64" { "arm64" } else { "amd64" };
        let one = manifest(|options| options.arches = vec![own.clone()]).unwrap();
        assert!(one.contains(&format!("\n    kk: {{version: {OWN_VERSION}}}\n")), "{one}");
        let both = manifest(|options| options.arches = vec![own.clone(), other.to_owned()]).unwrap();
        assert!(both.contains(&format!("    # kk: {{version: {OWN_VERSION}}}")), "{both}");
    }

    /// Against the program itself, where the end-to-end tests have built it.
    #[test]
    fn kubeadm_asks_for_what_is_in_the_manifest() {
        let Some(kubeadm) = std::env::home_dir()
            .map(|home| home.join(".cache/kk/upstream/www/dl.k8s.io/release/v1.35.4/bin/linux/amd64/kubeadm"))
            .filter(|path| path.is_file())
        else {
            eprintln!("skipped: scripts/upstream has not built kubeadm here");
            return;
        };
        // The copy that is served is no program.
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("kubeadm");
        std::fs::copy(kubeadm, &program).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let listed = std::process::Command::new(program)
            .args(["config", "images", "list", "--kubernetes-version", "v1.35.4"])
            .env("HOME", folder.path())
            .output()
            .unwrap();
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        let mut listed: Vec<String> = String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect();
        listed.sort();
        let mut ours = images(&manifest(|_| {}).unwrap());
        ours.retain(|image| image.starts_with("registry.k8s.io/"));
        ours.sort();
        assert_eq!(ours, listed);
    }
}
