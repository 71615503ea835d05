//! Looking at all certificates of a site: files of the operator's machine and of hosts, and what ports show.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;

use crate::apiserver::{Access, Login};
use crate::cluster::{CONTROL_PLANE, Cluster, ETCD, Host, REGISTRY, WORKER};
use crate::host::{Machine, MachineError, Script, shown};
use crate::install::certs::{Certificate, Name, Seen, look_script, parse_look, read_der, read_pem};
use crate::install::kubernetes::bind_port;
use crate::install::registry;
use crate::jobs::site::{ConnectOptions, Hosts, Site, reason};
use crate::plan::expiry::{self, Own};

/// How long a host may take to print its certificates.
const LIMIT: Duration = Duration::from_secs(60);
/// How long a port may take to show its certificate. Where a packet filter swallows the question, files must do.
const SHOWN: Duration = Duration::from_secs(3);
/// Port of kubelets (Kubernetes, "Ports and Protocols").
const KUBELET: u16 = 10250;

/// The site's authorities and the certificate of the operator's kubeconfig.
pub fn own(cluster: &Cluster, site: &Site) -> Vec<Own> {
    let mut authorities = vec!["kubernetes-ca", "front-proxy-ca", "etcd-ca"];
    if !cluster.registry_hosts().is_empty() {
        authorities.push("registry-ca");
    }
    let mut all: Vec<Own> = authorities
        .into_iter()
        .map(|name| {
            let (path, text) = site.kept_certificate(name);
            let certificate = match text {
                Ok(text) => read_pem(&text).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            Own { name: name.into(), file: path.display().to_string(), certificate }
        })
        .collect();
    all.push(Own {
        name: Name::Operator.to_string(),
        file: site.kubeconfig().display().to_string(),
        certificate: embedded(&site.kubeconfig()),
    });
    all
}

/// The certificate in a kubeconfig that kk wrote.
fn embedded(path: &Path) -> Result<Certificate, String> {
    match Access::read(path).map_err(|error| error.to_string())?.login {
        Login::Certificate { chain_pem, .. } => read_pem(&chain_pem).map_err(|error| error.to_string()),
        Login::Token(_) => Err("it holds no certificate".into()),
    }
}

/// What is found on the hosts, in the order of the cluster file.
pub async fn hosts(
    cluster: &Cluster,
    sessions: &Hosts,
    unreachable: &BTreeMap<String, MachineError>,
    options: &ConnectOptions,
) -> Vec<expiry::Host> {
    let script = Script::calling(&look_script(), LIMIT);
    let looks = cluster.spec.hosts.iter().map(|host| {
        let (script, session) = (&script, sessions.get(&host.name));
        async move {
            let seen = match (session, unreachable.get(&host.name)) {
                (Some(machine), _) => seen(machine.as_ref(), script).await,
                (None, Some(error)) => Err(reason(&host.name, error)),
                (None, None) => Err("there is no session to it".into()),
            };
            let shown = match (session, &seen) {
                (Some(machine), Ok(_)) => ports(cluster, host, machine.as_ref()).await,
                _ => BTreeMap::new(),
            };
            expiry::Host { name: host.name.clone(), seen, shown }
        }
    });
    futures::stream::iter(looks).buffered(options.concurrency).collect().await
}

async fn seen(machine: &dyn Machine, script: &Script) -> Result<Seen, String> {
    let output = machine.run(script).await.map_err(|error| reason(machine.name(), &error))?;
    parse_look(&output.stdout).map_err(|error| error.to_string())
}

/// What the host's ports show. The operator's machine may not reach all of them.
async fn ports(cluster: &Cluster, host: &Host, machine: &dyn Machine) -> BTreeMap<Name, Certificate> {
    let is = |role| cluster.has_role(&host.name, role);
    let mut asked = Vec::new();
    if is(CONTROL_PLANE) {
        asked.push((Name::Apiserver, bind_port(cluster)));
    }
    if is(CONTROL_PLANE) || is(WORKER) {
        asked.push((Name::KubeletServing, KUBELET));
    }
    if is(ETCD) {
        asked.push((Name::Etcd, cluster.spec.etcd.port));
    }
    if is(REGISTRY) {
        asked.push((Name::Registry, registry::port(cluster)));
    }
    let answers = asked.into_iter().map(|(name, port)| async move {
        let bytes = shown::shown(Some(machine), &host.address, port, SHOWN).await?;
        Some((name, read_der(&bytes).ok()?))
    });
    futures::future::join_all(answers).await.into_iter().flatten().collect()
}
