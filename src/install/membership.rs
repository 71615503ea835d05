//! Who the members of etcd are: how one joins those that run, and how one leaves them.
//!
//! A member joins as a learner, which has no vote: until it has caught up, and should it never come up at all, the others
//! decide as before. One that is added with a vote at once makes two members of one, of which one alone is no majority.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::etcd::peer_url;
use super::templates::Templates;
use super::{InstallError, etcd, members};
use crate::cluster::{Cluster, Host};
use crate::host::Step;
use crate::host::part::Part;

/// Picks learners out of `etcdctl member list` that an earlier run announced and whose etcd has never started: they hold no data
/// and have no vote, and etcd has room for one learner (`--max-learners`). Their hosts are announced again in their turn.
const NEVER_CAME: &str = "$2 == \"unstarted\" && $6 == \"true\" && $4 != url { print $1 }";

/// Tells the members, on one of them, of a host that is about to join; nothing is done unless all are healthy.
pub fn announce(cluster: &Cluster, host: &Host) -> Step {
    let (ctl, url) = (etcd::etcdctl(cluster), peer_url(cluster, host));
    let known: Vec<String> = cluster.etcd_hosts().into_iter().map(|host| peer_url(cluster, host)).collect();
    let add = Part::command(
        format!("Tell the members of etcd of {} as a learner", host.name),
        listed(&ctl, &url, "$4 == url"),
        format!(
            "strangers=$({ctl} member list | awk -F', ' -v known=' {} ' 'index(known, \" \" $4 \" \") == 0 {{ print $3 \" at \" $4 }}')\n\
             if [ -n \"$strangers\" ]; then\n\
             echo \"etcd has a member that the cluster file does not name: $strangers\" >&2\n\
             echo 'put its host back into the cluster file, and take it out of the cluster with kk delete node' >&2\n\
             exit 1\nfi\n\
             if ! said=$({health} 2>&1); then\n\
             printf 'a member is only added to an etcd that is healthy:\\n%s\\n' \"$said\" >&2\nexit 1\nfi\n\
             {ctl} member list | awk -F', ' -v url={url} '{NEVER_CAME}' | while read -r id; do\n\
             {ctl} member remove \"$id\" >/dev/null || exit 1\ndone\n\
             {ctl} member add {} --learner --peer-urls={url} >/dev/null",
            known.join(" "),
            host.name,
            health = etcd::health(cluster),
        ),
    );
    Step::new("etcd/announce", format!("Announce {} to etcd", host.name), vec![add])
}

/// Gives a learner its vote, on a member, as soon as it has caught up.
pub fn promote(cluster: &Cluster, host: &Host) -> Step {
    let (ctl, url) = (etcd::etcdctl(cluster), peer_url(cluster, host));
    let promoted = Part::command(
        format!("Give {} its vote", host.name),
        listed(&ctl, &url, "$4 == url && $2 == \"started\" && $6 == \"false\""),
        format!(
            "id=$({})\n[ -n \"$id\" ] || {{ echo 'etcd does not know the member' >&2; exit 1; }}\n\
             tries=0\n\
             until said=$({ctl} member promote \"$id\" 2>&1); do\n\
             tries=$((tries + 1))\n\
             [ \"$tries\" -lt 100 ] || {{ printf '%s\\n' \"$said\" >&2; exit 1; }}\nsleep 2\ndone",
            id_of(&ctl, &url, &host.name),
        ),
    );
    Step::new(
        "etcd/promote",
        format!("Make {} a full member of etcd", host.name),
        vec![promoted, etcd::healthy(cluster)],
    )
}

/// Takes a member out, on another member. `cluster` still has the host.
pub fn remove(cluster: &Cluster, host: &Host) -> Step {
    let (ctl, url) = (etcd::etcdctl(cluster), peer_url(cluster, host));
    let removed = Part::command(
        format!("Take {} out of etcd", host.name),
        format!(
            "members=$({ctl} member list) && [ -z \"$(printf '%s\\n' \"$members\" | {})\" ]",
            id_filter(&url, &host.name)
        ),
        format!("{ctl} member remove \"$({})\" >/dev/null", id_of(&ctl, &url, &host.name)),
    )
    .settling(Duration::from_secs(30));
    Step::new("etcd/remove-member", format!("Take {} out of etcd", host.name), vec![removed, etcd::decides(cluster)])
}

/// The settings of a member as they are with these members; nothing is restarted.
pub fn follow(cluster: &Cluster, templates: &Templates, host: &Host) -> Result<Step, InstallError> {
    let config = etcd::config(cluster, templates, host, &etcd::Beginning::Existing(&cluster.etcd_hosts()))?;
    Ok(Step::new(
        "etcd/follow",
        "Keep the list of etcd's members",
        vec![Part::file(members::CONFIG, config), members::recorded()],
    ))
}

/// Succeeds where a line of `etcdctl member list` is so: ID, status, name, peer URLs, client URLs, whether a learner.
fn listed(ctl: &str, url: &str, condition: &str) -> String {
    format!(
        "{ctl} member list 2>/dev/null | awk -F', ' -v url={url} '{condition} {{ found = 1 }} END {{ exit !found }}'"
    )
}

/// Prints the member's ID. A member that was announced and has never started has no name yet.
fn id_of(ctl: &str, url: &str, name: &str) -> String {
    format!("{ctl} member list | {}", id_filter(url, name))
}

fn id_filter(url: &str, name: &str) -> String {
    format!("awk -F', ' -v url={url} -v name={name} '$3 == name || $4 == url {{ print $1; exit }}'")
}

/// A member of etcd, as etcd itself tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Empty where it was announced and has never started.
    pub name: String,
    pub peer_urls: Vec<String>,
    pub learner: bool,
    /// Whether it answers.
    pub healthy: bool,
}

impl Member {
    /// Whether it is the member on this host.
    pub fn is(&self, cluster: &Cluster, host: &str) -> bool {
        self.name == host || cluster.host(host).is_some_and(|host| self.peer_urls.contains(&peer_url(cluster, host)))
    }
}

impl fmt::Display for Member {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => out.write_str(&self.peer_urls.join(",")),
            name => out.write_str(name),
        }
    }
}

/// A script that asks a member about all of them; [`parse`] reads what it prints.
pub fn look(cluster: &Cluster) -> String {
    let ctl = etcd::etcdctl(cluster);
    format!("{ctl} member list -w json || exit 1\necho\n{ctl} endpoint health --cluster -w json 2>/dev/null\nexit 0")
}

/// Reads what etcdctl printed: one line with the members, one with their health. `None` where there is no list.
pub fn parse(text: &str) -> Option<Vec<Member>> {
    #[derive(Deserialize)]
    struct List {
        members: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        #[serde(default)]
        name: String,
        #[serde(default, rename = "peerURLs")]
        peer_urls: Vec<String>,
        #[serde(default, rename = "clientURLs")]
        client_urls: Vec<String>,
        #[serde(default, rename = "isLearner")]
        learner: bool,
    }
    #[derive(Deserialize)]
    struct Health {
        endpoint: String,
        #[serde(default)]
        health: bool,
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let list: List = serde_json::from_str(lines.next()?).ok()?;
    let health: Vec<Health> = lines.next().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let answers = |urls: &[String]| health.iter().any(|one| one.health && urls.contains(&one.endpoint));
    let member = |listed: Listed| Member {
        healthy: answers(&listed.client_urls),
        name: listed.name,
        peer_urls: listed.peer_urls,
        learner: listed.learner,
    };
    Some(list.members.into_iter().map(member).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_etcdctl_prints_is_read() {
        let text = r#"{"header":{"cluster_id":14841639068965178418},"members":[{"ID":10276657743932975437,"name":"node1","peerURLs":["https://192.0.2.11:2380"],"clientURLs":["https://192.0.2.11:2379"]},{"ID":3,"peerURLs":["https://192.0.2.12:2380"],"isLearner":true}]}

[{"endpoint":"https://192.0.2.11:2379","health":true,"took":"5.1ms"}]
"#;
        let members = parse(text).unwrap();
        assert_eq!(members.iter().map(ToString::to_string).collect::<Vec<_>>(), ["node1", "https://192.0.2.12:2380"]);
        assert_eq!(
            members.iter().map(|one| (one.learner, one.healthy)).collect::<Vec<_>>(),
            [(false, true), (true, false)]
        );
        assert_eq!(parse(""), None);
        assert_eq!(parse("{}"), None);
        assert!(!parse(text.lines().next().unwrap()).unwrap()[0].healthy, "who is not known to answer is down");
    }
}
