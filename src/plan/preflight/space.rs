//! Whether what comes fits on the disks.

use std::collections::BTreeMap;

use super::{Finding, Look, Severity};

/// The kubelet evicts pods when less than this share of the disk with the images is free, unless it is told otherwise.
const PRESSURE_PERCENT: u64 = 15;

pub(super) fn check(look: &Look, findings: &mut Vec<Finding>) {
    // What lies on one disk is wanted of it together.
    let mut wanted: BTreeMap<&str, (u64, Vec<&str>)> = BTreeMap::new();
    for (folder, bytes) in look.needs.of_host(&look.host.name) {
        let Some(mount) = look.facts.mount_of(folder) else { continue };
        let (sum, folders) = wanted.entry(mount.path.as_str()).or_default();
        *sum += bytes;
        folders.push(folder);
    }
    let sets_eviction = look.cluster.spec.kubernetes.kubelet_configuration.contains_key("evictionHard");
    for (path, (bytes, folders)) in wanted {
        let Some(mount) = look.facts.mounts.iter().rfind(|mount| mount.path == path) else { continue };
        if mount.free < bytes {
            // Where kk has worked before, part of what is wanted is there already.
            let severity = if look.facts.kk { Severity::Warning } else { Severity::Error };
            findings.push(look.finding(
                "disk",
                severity,
                format!(
                    "{path} has {} free, and {} are needed there for {}",
                    size(mount.free),
                    size(bytes),
                    folders.join(", ")
                ),
                "Free or add space, or mount a larger disk at one of these folders.",
            ));
        } else if look.is_node() && !sets_eviction && (mount.free - bytes) < mount.size / 100 * PRESSURE_PERCENT {
            findings.push(look.warning(
                "disk",
                format!(
                    "{path} will have less than {PRESSURE_PERCENT} % of its {} free, and the kubelet then evicts pods",
                    size(mount.size)
                ),
                "Free or add space, or set kubernetes.kubeletConfiguration.evictionHard.",
            ));
        }
    }
}

/// Bytes for people: `1.5 GiB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}
