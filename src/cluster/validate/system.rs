//! The operating system, scripts, and name resolution.

use std::net::IpAddr;

use super::Problems;
use crate::cluster::{ClusterSpec, CustomScript, names};
use crate::yaml::Path;

pub fn check(spec: &ClusterSpec, problems: &mut Problems) {
    let all = Path::of("spec.system");
    let system = &spec.system;
    for (index, server) in system.ntp_servers.iter().enumerate() {
        if !names::is_host(server) {
            let path = all.key("ntpServers").index(index);
            problems.add(path, format!("{server:?} is neither an address nor a host name"));
        }
    }
    scripts(&all.key("preInstall"), &system.pre_install, spec, problems);
    scripts(&all.key("postClusterInstall"), &system.post_cluster_install, spec, problems);
    scripts(&all.key("postInstall"), &system.post_install, spec, problems);
    host_lines(Path::of("spec.dns.nodeEtcHosts"), &spec.dns.node_etc_hosts, problems);
    host_lines(Path::of("spec.dns.dnsEtcHosts"), &spec.dns.dns_etc_hosts, problems);
}

/// Checks scripts of the user's.
pub fn scripts(path: &Path, scripts: &[CustomScript], spec: &ClusterSpec, problems: &mut Problems) {
    for (index, script) in scripts.iter().enumerate() {
        let path = path.index(index);
        if script.name.is_empty() {
            problems.add(path.clone(), format!("{path} has no name"));
        }
        if script.bash.is_empty() {
            problems.add(path.clone(), format!("{path} has no bash text"));
        }
        if !script.role.is_empty() && !spec.role_groups.0.contains_key(&script.role) {
            let message = format!("{path} is for role {:?}, which spec.roleGroups does not have", script.role);
            let roles = spec.role_groups.0.keys().map(String::as_str);
            let problem = problems.add(path.key("role"), message);
            *problem = problem.clone().did_you_mean(&script.role, roles);
        }
    }
}

/// Checks lines of a hosts file: an address and names, or a comment.
fn host_lines(path: Path, text: &str, problems: &mut Problems) {
    for (number, line) in text.lines().enumerate() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next() else { continue };
        let mut named = words.peekable();
        let well_formed = address.parse::<IpAddr>().is_ok() && named.peek().is_some();
        if !well_formed || !named.all(|name| names::is_dns_name(&name.to_lowercase())) {
            let message = format!("line {} of {path} is not an address followed by host names", number + 1);
            problems.add(path.clone(), message);
        }
    }
}
