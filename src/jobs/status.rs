//! `kk status`: how a cluster is. Changes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures::StreamExt;
use time::OffsetDateTime;

use super::certs::look;
use super::site::{ConnectOptions, Hosts, Site, reason};
use super::{JobError, Kind, drift, files};
use crate::cluster::{Cluster, Host};
use crate::event::Events;
use crate::host::{MachineError, Script, shown};
use crate::install::look_around::{Sign, parse, script};
use crate::install::registry;
use crate::plan::expiry;
use crate::plan::status::{self, Line, Status};

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    pub connect: ConnectOptions,
}

/// How long a host may take to look around.
const LIMIT: Duration = Duration::from_secs(120);
/// How long the registry may take for a handshake.
const REGISTRY: Duration = Duration::from_secs(5);
/// What to do about drift.
const PUT_RIGHT: &str = "kk create cluster with the bundle and --dry-run shows what differs line by line; without --dry-run it puts it right";
/// Certificates that end within so many seconds are told of: 30 days.
const WITHIN: i64 = 30 * 86_400;

/// Looks at the hosts that can be reached; the others are told of.
pub async fn run(options: &Options, events: &Events) -> Result<Status, JobError> {
    let cluster = files::cluster(&options.cluster_file)?;
    let site = Site::of_cluster(&cluster)?;
    let (sessions, unreachable) = site.reach_all(&cluster, &options.connect, events).await?;
    Ok(look_at(&cluster, &site, &sessions, &unreachable, &options.connect).await)
}

/// The same over sessions that are there already.
pub async fn look_at(
    cluster: &Cluster,
    site: &Site,
    sessions: &Hosts,
    unreachable: &BTreeMap<String, MachineError>,
    connect: &ConnectOptions,
) -> Status {
    let certificates = look::hosts(cluster, sessions, unreachable, connect).await;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let expiry = expiry::expiry(&cluster.name, look::own(cluster, site), &certificates, now, WITHIN);
    let looks = cluster.spec.hosts.iter().map(|host| {
        let why = unreachable.get(&host.name).map(|error| reason(&host.name, error));
        look_around(cluster, host, sessions, why)
    });
    let hosts: Vec<status::Host> = futures::stream::iter(looks).buffered(connect.concurrency).collect().await;
    let nodes: Vec<&str> = cluster.nodes().into_iter().map(|host| host.name.as_str()).collect();
    let drift = drift::look(cluster, site, sessions, connect.concurrency).await;
    let registry = registry_line(cluster, sessions).await;
    status::status(&cluster.name, &hosts, &nodes, registry, drift, &expiry)
}

async fn look_around(cluster: &Cluster, host: &Host, sessions: &Hosts, why: Option<String>) -> status::Host {
    let signs = match sessions.get(&host.name) {
        Some(machine) => match machine.run(&Script::calling(&script(cluster, host), LIMIT)).await {
            Ok(output) => parse(&output.stdout).ok_or_else(|| "its answer was cut off".to_owned()),
            Err(error) => Err(reason(&host.name, &error)),
        },
        None => Err::<Vec<Sign>, _>(why.unwrap_or_else(|| "there is no session to it".into())),
    };
    let roles = cluster.roles_of(&host.name).into_iter().map(str::to_owned).collect();
    status::Host { name: host.name.clone(), roles, signs }
}

/// Whether the registry that kk installed takes up a connection.
async fn registry_line(cluster: &Cluster, sessions: &Hosts) -> Option<Line> {
    let host = *cluster.registry_hosts().first()?;
    let port = registry::port(cluster);
    let session = sessions.get(&host.name).map(|machine| machine.as_ref());
    let well = shown::shown(session, &host.address, port, REGISTRY).await.is_some();
    let detail = if well { format!("answers on port {port}") } else { format!("no TLS on {}:{port}", host.address) };
    Some(Line { host: host.name.clone(), subject: cluster.registry_name().unwrap_or_default(), well, detail })
}

/// What makes a monitoring system speak up.
pub fn verdict(found: &Status) -> Result<(), JobError> {
    if found.well {
        return Ok(());
    }
    let lines = found.concerns.iter().flat_map(|concern| {
        concern.lines.iter().filter(|line| !line.well).map(|line| {
            let subject = if line.subject.is_empty() { String::new() } else { format!(" {}", line.subject) };
            format!("{}: {}{subject}: {}", concern.name, line.host, line.detail)
        })
    });
    let error = JobError::new(Kind::Degraded, format!("not all of cluster {} is well", found.cluster)).details(lines);
    let drifted =
        found.concerns.iter().any(|concern| concern.name == "drift" && concern.lines.iter().any(|line| !line.well));
    Err(if drifted { error.hint(PUT_RIGHT) } else { error })
}
