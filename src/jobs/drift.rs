//! Holds the hosts against what `kk` made them last: the plan of an installation is made again, and nothing of it is run.

use std::collections::BTreeMap;

use futures::StreamExt;

use super::site::{self, Hosts, Site};
use super::{JobError, facts, files};
use crate::bundle::Inventory;
use crate::cluster::Cluster;
use crate::host::facts::Facts;
use crate::host::part::script::Places;
use crate::install::certs::Renew;
use crate::install::{Found, Inputs};
use crate::plan::status::Line;
use crate::plan::{self, Plan, drift};
use crate::run::{Limits, survey};

/// What differs, by host and part; hosts without a session are passed over. Nothing is changed, on hosts or here.
pub async fn look(cluster: &Cluster, site: &Site, sessions: &Hosts, concurrency: usize) -> Vec<Line> {
    let inventory = match site.installed() {
        Ok(Some(inventory)) => inventory,
        Ok(None) => {
            let detail = "not compared: no run has recorded yet what was installed; kk create cluster does";
            return vec![line("*", true, detail)];
        }
        Err(error) => return vec![line("*", false, error.to_string())],
    };
    let (facts, failures) = facts::ask(sessions).await;
    let mut lines: Vec<Line> =
        failures.iter().map(|(host, error)| line(host, false, format!("cannot be looked at: {error}"))).collect();
    let plan = match expected(cluster, site, &inventory, &facts) {
        Ok(plan) => plan,
        Err(error) => {
            lines.push(line("*", false, format!("the cluster file asks for what was not installed: {error}")));
            return lines;
        }
    };
    let mut managed = drift::managed(&plan);
    managed.retain(|host, _| facts.contains_key(host));
    let compared = managed.iter().map(|(host, plan)| compare(host, plan, sessions));
    let compared: Vec<Vec<Line>> = futures::stream::iter(compared).buffered(concurrency).collect().await;
    lines.extend(compared.into_iter().flatten());
    lines
}

fn line(host: &str, well: bool, detail: impl Into<String>) -> Line {
    Line { host: host.to_owned(), subject: String::new(), well, detail: detail.into() }
}

/// The plan that would install the cluster that stands, as its hosts are now.
fn expected(
    cluster: &Cluster,
    site: &Site,
    inventory: &Inventory,
    facts: &BTreeMap<String, Facts>,
) -> Result<Plan, JobError> {
    let mut cluster = cluster.clone();
    files::settle_version(&mut cluster, inventory)?;
    let hosts = cluster.spec.hosts.iter().map(|host| {
        let found = facts.get(&host.name).map(|facts| facts::found(&cluster, facts));
        (host.name.clone(), found.unwrap_or_else(|| facts::unseen(inventory)))
    });
    let hosts: BTreeMap<String, Found> = hosts.collect();
    let inputs = Inputs {
        cluster: &cluster,
        inventory,
        hosts: &hosts,
        registry: &site.registry_login(&cluster)?,
        bootstrap_token: &site::bootstrap_token()?,
        templates: &site.templates()?,
        keys: &site.renewed_keys(&cluster, &Renew::default(), false)?,
    };
    plan::create(&inputs, false).map_err(|source| JobError::internal(source.to_string(), source))
}

async fn compare(host: &str, plan: &Plan, sessions: &Hosts) -> Vec<Line> {
    match survey(plan, sessions, &Places::default(), Limits::default()).await {
        Ok(survey) => drift::lines(host, plan, &survey),
        Err(error) => {
            let details = error.details().join("; ");
            vec![line(host, false, format!("cannot be compared: {error}: {details}"))]
        }
    }
}
