//! `kk certs renew`: new certificates, also where the old ones have run out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use time::OffsetDateTime;

use super::{look, renewal};
use crate::cluster::Cluster;
use crate::event::Events;
use crate::install::certs::{Certificate, Keys, Name, Renew};
use crate::install::kubernetes;
use crate::install::renew::{Due, Renewal};
use crate::jobs::change::Change;
use crate::jobs::site::{Hosts, Site};
use crate::jobs::{JobError, Kind, engine, files};
use crate::plan::expiry::{self, Expiry, State, Used};
use crate::plan::{self, Plan};
use crate::run::Summary;

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    /// What ends within this time is renewed.
    pub within: Duration,
    /// Everything is renewed, however long it is still valid.
    pub all: bool,
    /// Only these; all where it is empty.
    pub only: BTreeSet<Name>,
    pub change: Change,
}

/// What came of it.
pub struct Outcome {
    /// `None` after a dry run.
    pub run: Option<Summary>,
    /// What a dry run would change.
    pub text: String,
    /// The certificates as they are now.
    pub after: Option<Expiry>,
}

/// Looks, plans, asks, runs, and looks again.
pub async fn run(options: Options, events: Events) -> Result<Outcome, JobError> {
    let cluster = files::cluster(&options.cluster_file)?;
    let site = Site::of_cluster(&cluster)?;
    let _lock = engine::lock(&site, "certs renew")?;
    let sessions = site.connect(&cluster, &options.change.connect, &events).await?;
    let names: BTreeSet<Name> =
        if options.only.is_empty() { Name::ALL.into_iter().collect() } else { options.only.clone() };
    let found = look_at(&cluster, &site, &sessions, &options).await;
    let before = if options.all { i64::MAX } else { found.moment.saturating_add(found.within) };
    let ends = |_, certificate: &Certificate| certificate.not_after < before;
    let due = renewal::due(&found.hosts, |name| names.contains(&name), ends).map_err(|unreadable| {
        JobError::new(Kind::Host, "some certificates cannot be read; nothing was changed")
            .details(unreadable)
            .hint("put the file right by hand, or name the others with --only")
    })?;
    let renew = Renew { names: names.clone(), before };
    let changes = async {
        let plan = make_plan(&cluster, &site, &names, &due, &site.renewed_keys(&cluster, &renew, false)?)?;
        engine::would_change(&plan, &sessions, &options.change.connect).await
    };
    if let Some(text) = options.change.shown("certs renew", &cluster, &[], None, changes).await? {
        return Ok(Outcome { run: None, text, after: None });
    }
    options.change.agree(&question(&cluster, &found.expiry, &due, &names, before))?;
    // Kept before any host gets them.
    let plan = make_plan(&cluster, &site, &names, &due, &site.renewed_keys(&cluster, &renew, true)?)?;
    let run = engine::execute("certs renew", &plan, &sessions, None, &site, &options.change.connect, &events).await?;
    let after = look_at(&cluster, &site, &sessions, &options).await.expiry;
    refuse_leftovers(&after, &names)?;
    Ok(Outcome { run: Some(run), text: String::new(), after: Some(after) })
}

/// All certificates as they are.
struct Found {
    hosts: Vec<expiry::Host>,
    expiry: Expiry,
    moment: i64,
    within: i64,
}

async fn look_at(cluster: &Cluster, site: &Site, sessions: &Hosts, options: &Options) -> Found {
    let hosts = look::hosts(cluster, sessions, &BTreeMap::new(), &options.change.connect).await;
    let moment = OffsetDateTime::now_utc().unix_timestamp();
    let within = i64::try_from(options.within.as_secs()).unwrap_or(i64::MAX);
    let expiry = expiry::expiry(&cluster.name, look::own(cluster, site), &hosts, moment, within);
    Found { hosts, expiry, moment, within }
}

fn make_plan(
    cluster: &Cluster,
    site: &Site,
    names: &BTreeSet<Name>,
    due: &BTreeMap<String, Vec<Due>>,
    keys: &Keys,
) -> Result<Plan, JobError> {
    let (kubelets, stamp) = (renewal::kubelets(keys, due)?, renewal::stamp()?);
    let renewal = Renewal { cluster, keys, names, due, kubelets: &kubelets, stamp: &stamp };
    let fail = |source| JobError::new(Kind::Internal, "no plan can be made").because(source);
    let kubeconfig = match names.contains(&Name::Operator) {
        true => {
            let content = kubernetes::kubeconfig(cluster, &keys.kubernetes_ca, &keys.operator).map_err(fail)?;
            Some((site.kubeconfig(), content))
        }
        false => None,
    };
    plan::renew(&renewal, kubeconfig).map_err(fail)
}

/// What will happen, by name.
fn question(
    cluster: &Cluster,
    found: &Expiry,
    due: &BTreeMap<String, Vec<Due>>,
    names: &BTreeSet<Name>,
    before: i64,
) -> String {
    let mut lines: Vec<String> = due
        .iter()
        .map(|(host, due)| {
            format!("  {host}: {}", due.iter().map(|due| due.name.as_str()).collect::<Vec<_>>().join(", "))
        })
        .collect();
    for row in &found.certificates {
        let kept = row.renewable.is_some_and(Name::is_kept) || row.name == Name::Operator.as_str();
        let named = names.iter().any(|name| name.as_str() == row.name);
        if kept && named && row.not_after.is_none_or(|end| end < before) {
            lines.push(format!("  {}: {}", row.place(), row.name));
        }
    }
    if lines.is_empty() {
        return format!(
            "No certificate of cluster {} is due. What runs with an older one than lies there is restarted, one host after \
             the other. Go on?",
            cluster.name
        );
    }
    format!(
        "These certificates of cluster {} are renewed:\n{}\nWhat uses them is restarted: members of etcd and control planes \
         one after the other, kubelets and the registry as well. Pods go on running.\nRenew them?",
        cluster.name,
        lines.join("\n")
    )
}

/// What was renewed must be valid, and used. What cannot be told from here was seen to on the hosts.
fn refuse_leftovers(after: &Expiry, names: &BTreeSet<Name>) -> Result<(), JobError> {
    let named = |name: &str| names.iter().any(|one| one.as_str() == name);
    let mut left: Vec<String> = Vec::new();
    for row in after.certificates.iter().filter(|row| named(&row.name)) {
        if matches!(row.state, State::Expired | State::Unreadable) {
            left.push(format!("{}: {} is not valid", row.place(), row.file));
        }
    }
    // Whether a program runs was waited for on the hosts; one that starts anew just now is no trouble.
    let older = [Used::BeganBefore, Used::OtherShown];
    for row in after.unused().into_iter().filter(|row| older.contains(&row.used) && named(&row.name)) {
        left.push(format!("{}: what runs does not use {}", row.place(), row.file));
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(JobError::new(Kind::Host, "the certificates were renewed, but not all is well").details(left))
}
