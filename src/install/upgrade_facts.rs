//! What an upgrade depends on: which releases run where, what of the API is used that goes, who must not be disturbed.

use super::cordon::MARK;
use super::kubernetes::{KUBECTL, api_server_url};
use crate::cluster::{CONTROL_PLANE, Cluster, Host};
use crate::host::quote;

/// What one host said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpgradeFacts {
    /// Release of the kubelet that is installed there.
    pub kubelet: Option<String>,
    /// Release to which kubeadm has upgraded the host last, if it ever has; `begun` where it was cut off.
    pub begun: Option<String>,
    /// Release that the API server's manifest names, on a control plane.
    pub api_server: Option<String>,
    /// What was asked of its API server and is deprecated.
    pub deprecated: Vec<Deprecated>,
    /// The cluster's nodes, said by the host that leads.
    pub nodes: Vec<Node>,
    /// Budgets of disruption, said by the host that leads.
    pub budgets: Vec<Budget>,
}

/// A version of an API that a client has used and that will be removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deprecated {
    /// `flowcontrol.apiserver.k8s.io/v1beta3 flowschemas`.
    pub name: String,
    /// Minor of the first release without it.
    pub removed: u32,
}

/// A node as the API says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub name: String,
    pub ready: bool,
    /// Release of the kubelet that runs.
    pub kubelet: String,
    /// It takes no pods.
    pub cordoned: bool,
    /// It was kk that cordoned it.
    pub by_kk: bool,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// `shop/web`
    pub name: String,
    /// How many of its pods may go now.
    pub allowed: u32,
    pub expected: u32,
    pub healthy: u32,
}

/// The script that asks a host; [`parse`] reads what it prints. `lead`: ask the cluster too.
pub fn script(cluster: &Cluster, host: &Host, lead: bool) -> String {
    let server =
        if cluster.has_role(&host.name, CONTROL_PLANE) { api_server_url(cluster, host) } else { String::new() };
    format!(
        "kk_kubectl={}\nkk_mark={}\nkk_server={}\nkk_lead={}\n{}",
        quote(KUBECTL),
        quote(&MARK.replace('.', "\\.")),
        quote(&server),
        if lead { "yes" } else { "''" },
        include_str!("upgrade_facts.sh")
    )
}

/// Reads what the script printed; `None` where it did not come to its end. Lines that are none of its own are passed
/// over.
pub fn parse(text: &str) -> Option<UpgradeFacts> {
    let mut facts = UpgradeFacts::default();
    let mut ended = false;
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let told = || Some(rest.to_owned()).filter(|rest| !rest.is_empty());
        match word {
            "kubelet" => facts.kubelet = told(),
            "begun" => facts.begun = told(),
            "api-server" => facts.api_server = told(),
            "deprecated" => facts.deprecated.extend(deprecated(rest)),
            "node" => facts.nodes.extend(node(rest)),
            "budget" => facts.budgets.extend(budget(rest)),
            "end" => ended = true,
            _ => {}
        }
    }
    facts.deprecated.sort();
    facts.deprecated.dedup();
    ended.then_some(facts)
}

/// Labels of `apiserver_requested_deprecated_apis` (Kubernetes, apiserver/pkg/endpoints/metrics).
fn deprecated(labels: &str) -> Option<Deprecated> {
    let label = |name: &str| {
        labels.split(',').find_map(|label| label.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'))
    };
    let removed = label("removed_release")?.split_once('.')?.1.parse().ok()?;
    let (group, version, resource) = (label("group")?, label("version")?, label("resource")?);
    let group = if group.is_empty() { String::new() } else { format!("{group}/") };
    Some(Deprecated { name: format!("{group}{version} {resource}"), removed })
}

fn node(text: &str) -> Option<Node> {
    let mut words = text.split_ascii_whitespace();
    let (name, ready, kubelet) = (words.next()?, words.next()?, words.next()?);
    let rest: Vec<&str> = words.collect();
    let (cordoned, by_kk) = (rest.contains(&"true"), rest.contains(&"upgrade"));
    Some(Node { name: name.to_owned(), ready: ready == "True", kubelet: kubelet.to_owned(), cordoned, by_kk })
}

fn budget(text: &str) -> Option<Budget> {
    let mut words = text.split_ascii_whitespace();
    let (namespace, name) = (words.next()?, words.next()?);
    // A budget that no controller has looked at yet lets nobody go.
    let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    Some(Budget { name: format!("{namespace}/{name}"), allowed: number(), expected: number(), healthy: number() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_says_is_read() {
        let facts = parse(
            "kubelet v1.35.4\napi-server v1.35.4\n\
             deprecated group=\"flowcontrol.apiserver.k8s.io\",removed_release=\"1.36\",resource=\"flowschemas\",subresource=\"\",version=\"v1beta3\"\n\
             deprecated group=\"\",removed_release=\"\",resource=\"componentstatuses\",subresource=\"\",version=\"v1\"\n\
             node node1 True v1.35.4 \nnode node4 Unknown v1.35.4 true upgrade\nnode node5 True v1.35.4 true \n\
             budget shop      web   0         3          3\nbudget shop new <none> <none> <none>\nend\n",
        )
        .unwrap();
        assert_eq!(facts.kubelet.as_deref(), Some("v1.35.4"));
        assert_eq!(facts.api_server, facts.kubelet);
        let used = Deprecated { name: "flowcontrol.apiserver.k8s.io/v1beta3 flowschemas".into(), removed: 36 };
        assert_eq!(facts.deprecated, [used], "what is not removed in any release is no trouble");
        assert_eq!(facts.nodes.iter().map(|node| node.ready).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(facts.nodes.iter().map(|node| node.cordoned).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(facts.nodes.iter().map(|node| node.by_kk).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(facts.budgets[0], Budget { name: "shop/web".into(), allowed: 0, expected: 3, healthy: 3 });
        assert_eq!(facts.budgets[1].expected, 0);
    }

    #[test]
    fn an_answer_that_was_cut_off_is_none() {
        assert_eq!(parse("kubelet v1.35.4\n"), None);
        assert_eq!(parse("kubelet \nbegun \nwho knows\nend\n"), Some(UpgradeFacts::default()));
    }
}
