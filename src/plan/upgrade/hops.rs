//! Which releases a cluster goes through on its way to another one. Pure.

use std::collections::BTreeMap;

use super::Release;

/// Kubelets may be as many minors older than the API server that they ask (Kubernetes, "Version Skew Policy").
const SKEW: u32 = 3;

/// What runs where, by host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub api_servers: BTreeMap<String, Release>,
    pub kubelets: BTreeMap<String, Release>,
}

/// Why there is no way to the asked release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoWay {
    #[error("no control plane says which release its API server is of")]
    Unknown,
    #[error("{host} runs {version}, which is newer than {target}: Kubernetes is not downgraded")]
    Downgrade { host: String, version: Release, target: Release },
    #[error("the bundle holds no Kubernetes 1.{minor}, through which the way from {from} to {target} leads")]
    Missing { minor: u32, from: Release, target: Release },
    #[error("the bundle holds no Kubernetes {version}")]
    Absent { version: Release },
    #[error("the API servers are more than one minor apart, {lowest} on {host} and {highest} elsewhere")]
    Apart { host: String, lowest: Release, highest: Release },
    #[error("{host} runs kubelet {version}, which is too old for an API server of {hop}")]
    Skew { host: String, version: Release, hop: Release },
}

impl NoWay {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown => "kk status shows how the hosts are; kk create cluster finishes a cluster that was interrupted".into(),
            Self::Downgrade { .. } => {
                "name the release that runs, or a newer one, as spec.kubernetes.version; what went before is in the snapshots of etcd alone".into()
            }
            Self::Missing { from, target, .. } => format!(
                "on the connected side, kk upgrade plan --from {from} --to {target} writes a manifest with all of them"
            ),
            Self::Absent { .. } => "bring a bundle with it, or name what the bundle holds as spec.kubernetes.version".into(),
            Self::Apart { .. } => "upgrade the older ones by hand to the next minor first".into(),
            Self::Skew { host, .. } => format!("take {host} out with kk delete node and bring it in again, or upgrade its kubelet first"),
        }
    }
}

/// The releases from the one that runs to `target`, one minor after the other; empty where nothing is older than it.
///
/// `carried` are the releases that the bundle holds. Of several of one minor the highest is taken. Where an earlier run
/// was cut off, or has left hosts out, its minor is finished first: API servers must be alike before the next one, and
/// kubeadm leaves out no minor on other nodes either.
pub fn hops(standing: &Standing, target: &Release, carried: &[Release]) -> Result<Vec<Release>, NoWay> {
    let by_version =
        |all: &BTreeMap<String, Release>| all.iter().map(|(host, one)| (one.clone(), host.clone())).collect::<Vec<_>>();
    let (servers, kubelets) = (by_version(&standing.api_servers), by_version(&standing.kubelets));
    let (lowest, slowest) = servers.iter().min().cloned().ok_or(NoWay::Unknown)?;
    let (highest, _) = servers.iter().max().cloned().ok_or(NoWay::Unknown)?;
    if let Some((version, host)) = servers.iter().chain(&kubelets).max().filter(|(version, _)| version > target) {
        return Err(NoWay::Downgrade { host: host.clone(), version: version.clone(), target: target.clone() });
    }
    if highest.minor > lowest.minor + 1 {
        return Err(NoWay::Apart { host: slowest, lowest, highest });
    }
    let mut hops = Vec::new();
    let mut at = lowest.clone();
    let behind = kubelets.iter().any(|(version, _)| version.minor < highest.minor);
    if (highest > lowest || behind) && highest.minor < target.minor {
        // A later patch of the minor finishes it as well, and may be what mends it.
        let finishing = carried.iter().filter(|one| one.minor == highest.minor && **one >= highest).max();
        at = finishing.cloned().unwrap_or(highest);
        hops.push(at.clone());
    }
    while at < *target {
        let next = if target.minor <= at.minor + 1 {
            target.clone()
        } else {
            let minor = at.minor + 1;
            let best = carried.iter().filter(|release| release.minor == minor).max().cloned();
            best.ok_or_else(|| NoWay::Missing { minor, from: at.clone(), target: target.clone() })?
        };
        hops.push(next.clone());
        at = next;
    }
    let oldest = kubelets.iter().min();
    if hops.is_empty() && oldest.is_some_and(|(version, _)| version < target) {
        hops.push(target.clone());
    }
    if let Some(absent) = hops.iter().find(|hop| !carried.contains(hop)) {
        return Err(NoWay::Absent { version: absent.clone() });
    }
    if let (Some(hop), Some((version, host))) = (hops.first(), oldest)
        && version.minor + SKEW < hop.minor
    {
        return Err(NoWay::Skew { host: host.clone(), version: version.clone(), hop: hop.clone() });
    }
    Ok(hops)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(text: &str) -> Release {
        Release::parse(text).unwrap()
    }

    fn standing(api_servers: &[&str], kubelets: &[&str]) -> Standing {
        let named = |versions: &[&str]| {
            versions.iter().enumerate().map(|(at, text)| (format!("node{}", at + 1), release(text))).collect()
        };
        Standing { api_servers: named(api_servers), kubelets: named(kubelets) }
    }

    fn way(api_servers: &[&str], kubelets: &[&str], target: &str, carried: &[&str]) -> Result<String, String> {
        let carried: Vec<Release> = carried.iter().map(|text| release(text)).collect();
        let hops = hops(&standing(api_servers, kubelets), &release(target), &carried).map_err(|no| no.to_string())?;
        Ok(hops.iter().map(Release::as_str).collect::<Vec<_>>().join(" "))
    }

    const ALL: [&str; 5] = ["v1.33.13", "v1.34.2", "v1.34.4", "v1.35.4", "v1.36.3"];

    #[test]
    fn no_minor_is_left_out() {
        let three = ["v1.33.13"; 3];
        assert_eq!(way(&three, &three, "v1.36.3", &ALL).unwrap(), "v1.34.4 v1.35.4 v1.36.3");
        assert_eq!(way(&["v1.35.0"], &["v1.35.0"], "v1.35.4", &ALL).unwrap(), "v1.35.4");
        assert_eq!(way(&["v1.35.4"], &["v1.35.4"], "v1.35.4", &ALL).unwrap(), "");
        assert_eq!(
            way(&three, &three, "v1.35.4", &["v1.35.4"]).unwrap_err(),
            "the bundle holds no Kubernetes 1.34, through which the way from v1.33.13 to v1.35.4 leads"
        );
        assert_eq!(way(&["v1.35.0"], &[], "v1.36.1", &ALL).unwrap_err(), "the bundle holds no Kubernetes v1.36.1");
    }

    #[test]
    fn what_was_begun_is_finished_first() {
        let kubelets = ["v1.34.4", "v1.33.13", "v1.33.13"];
        assert_eq!(way(&["v1.34.4", "v1.33.13", "v1.33.13"], &kubelets, "v1.35.4", &ALL).unwrap(), "v1.34.4 v1.35.4");
        // All API servers are there, and a worker is not.
        assert_eq!(way(&["v1.34.4"; 3], &["v1.34.4", "v1.33.13"], "v1.34.4", &ALL).unwrap(), "v1.34.4");
        assert_eq!(way(&["v1.35.4"; 3], &["v1.35.4", "v1.34.4"], "v1.36.3", &ALL).unwrap(), "v1.35.4 v1.36.3");
        assert_eq!(way(&["v1.35.4"; 3], &["v1.35.4", "v1.35.0"], "v1.36.3", &ALL).unwrap(), "v1.36.3");
    }

    #[test]
    fn a_later_patch_mends_what_an_earlier_one_broke() {
        let kubelets = ["v1.35.4"; 3];
        assert_eq!(way(&["v1.36.2", "v1.35.4", "v1.35.4"], &kubelets, "v1.36.3", &["v1.36.3"]).unwrap(), "v1.36.3");
        let servers = ["v1.34.2", "v1.33.13", "v1.33.13"];
        let carried = ["v1.34.4", "v1.35.4"];
        assert_eq!(way(&servers, &["v1.33.13"; 3], "v1.35.4", &carried).unwrap(), "v1.34.4 v1.35.4");
        assert_eq!(
            way(&servers, &["v1.33.13"; 3], "v1.35.4", &["v1.35.4"]).unwrap_err(),
            "the bundle holds no Kubernetes v1.34.2"
        );
    }

    #[test]
    fn there_is_no_way_back() {
        assert_eq!(
            way(&["v1.36.3", "v1.35.4"], &[], "v1.35.4", &ALL).unwrap_err(),
            "node1 runs v1.36.3, which is newer than v1.35.4: Kubernetes is not downgraded"
        );
        assert!(way(&["v1.35.4"], &["v1.36.3"], "v1.35.4", &ALL).unwrap_err().starts_with("node1 runs v1.36.3"));
    }

    #[test]
    fn what_is_too_far_apart_is_refused() {
        assert_eq!(way(&[], &[], "v1.35.4", &ALL).unwrap_err(), NoWay::Unknown.to_string());
        assert!(way(&["v1.33.13", "v1.35.4"], &[], "v1.36.3", &ALL).unwrap_err().contains("more than one minor apart"));
        let error = way(&["v1.35.4"], &["v1.35.4", "v1.31.0"], "v1.36.3", &ALL).unwrap_err();
        assert_eq!(error, "node2 runs kubelet v1.31.0, which is too old for an API server of v1.35.4");
    }
}
