//! Which releases etcd goes through on its way to the bundle's. Pure.

use semver::Version;

/// The least patch of a minor of etcd 3 from which the next minor is safe. Before 3.5.26, members that were removed or
/// promoted once may come back as such in 3.6, which believes another of the two records of who the members are (etcd,
/// "Avoiding Zombie Cluster Members When Upgrading to etcd v3.6").
const LEAVE_FROM: &[(u64, u64)] = &[(5, 26)];

/// Why there is no way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPath {
    #[error("etcd {running} runs, and the bundle brings {target}: etcd is not taken back to an earlier minor")]
    Downgrade { running: Version, target: Version },
    #[error(
        "etcd {running} runs, and {target} is safe only from 3.{minor}.{patch} on, which the bundle does not bring"
    )]
    TooOld { running: Version, target: Version, minor: u64, patch: u64 },
    #[error(
        "members of etcd {lowest} run beside members of {highest}, which is safe only when all have left the older one"
    )]
    Apart { lowest: Version, highest: Version },
    #[error("nobody can say which etcd runs on {host}")]
    Unknown { host: String },
    #[error("etcd {running} runs, and the bundle brings {target} and no 3.{minor} to go through")]
    Skipped { running: Version, target: Version, minor: u64 },
}

impl NoPath {
    /// What to do next.
    pub fn hint(&self) -> String {
        let carry = |version: String| {
            format!(
                "name {version} or a later one of that minor as spec.components.etcd.via of the manifest and export again; \
                 kk upgrade plan writes such a manifest"
            )
        };
        match self {
            Self::Downgrade { running, .. } => format!("bring a bundle with etcd v{running} or a later one"),
            Self::TooOld { minor, patch, .. } => carry(format!("v3.{minor}.{patch}")),
            Self::Apart { lowest, .. } => {
                format!("take the members of {lowest} out with kk delete node, one by one, and bring them in again")
            }
            Self::Unknown { host } => format!("look at etcd on {host}: kk etcd status shows what its members say"),
            Self::Skipped { minor, .. } => carry(format!("v3.{minor}.{}", leave_from(*minor))),
        }
    }
}

/// The releases before `target` that all members must have run, in their order: of those that the bundle carries.
///
/// `running` is what the members are of now; a member whose version nobody knows is not among them. Versions are written
/// with or without a `v`. What is no version of etcd 3 is no business of this.
pub fn through(running: &[&str], target: &str, carried: &[&str]) -> Result<Vec<String>, NoPath> {
    let mut members: Vec<Version> = running.iter().filter_map(|text| read(text)).collect();
    members.sort();
    let (Some(lowest), Some(highest), Some(target)) = (members.first(), members.last(), read(target)) else {
        return Ok(Vec::new());
    };
    let (running, target_minor, newest) = (lowest.clone(), target.minor, highest.clone());
    if highest.minor > target_minor {
        return Err(NoPath::Downgrade { running: highest.clone(), target });
    }
    let best = |minor: u64, patch: u64| {
        let of_minor = carried.iter().filter_map(|text| Some((read(text)?, *text)));
        of_minor.filter(|(version, _)| version.minor == minor && version.patch >= patch).max()
    };
    let mut way = Vec::new();
    let mut at = lowest.clone();
    while at.minor < target_minor {
        let patch = leave_from(at.minor);
        if at.patch < patch {
            let minor = at.minor;
            let (version, text) = best(minor, patch).ok_or_else(|| NoPath::TooOld {
                running: running.clone(),
                target: target.clone(),
                minor,
                patch,
            })?;
            way.push(text.to_owned());
            at = version;
        }
        let minor = at.minor + 1;
        if minor == target_minor {
            break;
        }
        let (version, text) = best(minor, 0).ok_or_else(|| NoPath::Skipped {
            running: running.clone(),
            target: target.clone(),
            minor,
        })?;
        way.push(text.to_owned());
        at = version;
    }
    match way.is_empty() || newest.minor == running.minor {
        true => Ok(way),
        // What lies on the way would take the newer ones back.
        false => Err(NoPath::Apart { lowest: running, highest: newest }),
    }
}

/// Of the releases of etcd that go with the releases of Kubernetes between two, lowest first, those that a bundle for the
/// way needs besides the last.
pub fn to_carry(all: &[&str]) -> Vec<String> {
    let Some((target, before)) = all.split_last() else { return Vec::new() };
    // As if the oldest one ran, in the patch that is the worst to leave.
    let Some(oldest) = before.iter().filter_map(|text| read(text)).min() else { return Vec::new() };
    let oldest = format!("{}.{}.0", oldest.major, oldest.minor);
    through(&[&oldest], target, before).unwrap_or_default()
}

/// Whether one is a release of another minor than the other, which only an upgrade goes to.
pub fn is_other_minor(one: &str, other: &str) -> bool {
    matches!((read(one), read(other)), (Some(one), Some(other)) if one.minor != other.minor)
}

fn leave_from(minor: u64) -> u64 {
    LEAVE_FROM.iter().find(|(known, _)| *known == minor).map_or(0, |(_, patch)| *patch)
}

fn read(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok().filter(|version| version.major == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(running: &[&str], target: &str, carried: &[&str]) -> Result<String, String> {
        through(running, target, carried).map(|way| way.join(" ")).map_err(|no| no.to_string())
    }

    #[test]
    fn a_member_leaves_its_minor_from_a_patch_that_may() {
        let carried = ["v3.5.24", "v3.5.26", "v3.5.28", "v3.6.15"];
        assert_eq!(way(&["3.5.24"; 3], "v3.6.15", &carried).unwrap(), "v3.5.28");
        assert_eq!(way(&["3.5.26"; 3], "v3.6.15", &carried).unwrap(), "");
        assert_eq!(way(&["3.6.4"; 3], "v3.6.15", &carried).unwrap(), "");
        assert_eq!(way(&["3.4.13"], "v3.6.15", &carried).unwrap(), "v3.5.28", "no minor is left out");
        assert_eq!(
            way(&["3.5.24"; 3], "v3.6.15", &["v3.5.24", "v3.6.15"]).unwrap_err(),
            "etcd 3.5.24 runs, and 3.6.15 is safe only from 3.5.26 on, which the bundle does not bring"
        );
        assert_eq!(
            way(&["3.4.13"], "v3.6.15", &["v3.6.15"]).unwrap_err(),
            "etcd 3.4.13 runs, and the bundle brings 3.6.15 and no 3.5 to go through"
        );
    }

    #[test]
    fn what_was_begun_is_gone_on_with() {
        let carried = ["v3.5.26", "v3.6.15"];
        assert_eq!(way(&["3.5.26", "3.5.24", "3.5.24"], "v3.6.15", &carried).unwrap(), "v3.5.26");
        assert_eq!(way(&["3.6.15", "3.5.26", "3.5.26"], "v3.6.15", &carried).unwrap(), "");
        assert_eq!(
            way(&["3.6.15", "3.5.24", "3.5.24"], "v3.6.15", &carried).unwrap_err(),
            "members of etcd 3.5.24 run beside members of 3.6.15, which is safe only when all have left the older one"
        );
    }

    #[test]
    fn an_earlier_minor_is_refused() {
        assert_eq!(
            way(&["3.6.15", "3.5.26"], "v3.5.26", &["v3.5.26"]).unwrap_err(),
            "etcd 3.6.15 runs, and the bundle brings 3.5.26: etcd is not taken back to an earlier minor"
        );
        assert_eq!(way(&["3.6.15"], "v3.6.8", &["v3.6.8"]).unwrap(), "");
    }

    #[test]
    fn what_is_no_version_is_left_to_others() {
        assert_eq!(way(&[], "v3.6.15", &[]).unwrap(), "");
        assert_eq!(way(&["", "unknown"], "v3.6.15", &[]).unwrap(), "");
        assert_eq!(way(&["3.5.24"], "main", &[]).unwrap(), "");
        assert!(
            is_other_minor("v3.5.26", "3.6.0") && !is_other_minor("v3.6.1", "3.6.15") && !is_other_minor("", "3.6.0")
        );
    }

    #[test]
    fn a_bundle_carries_what_the_way_needs() {
        let carry = |all: &[&str]| to_carry(all).join(" ");
        assert_eq!(carry(&["v3.5.26", "v3.6.15", "v3.6.15"]), "v3.5.26");
        assert_eq!(carry(&["v3.6.15", "v3.6.15"]), "");
        assert_eq!(carry(&["v3.4.13", "v3.5.26", "v3.6.15"]), "v3.5.26");
        assert_eq!(carry(&["v3.5.26", "v3.6.15", "v3.5.21"]), "", "what is not below the last is not on the way to it");
        assert_eq!(carry(&[]), "");
    }
}
