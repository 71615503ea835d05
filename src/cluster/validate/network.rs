//! The network plugin, and ranges of addresses that must not overlap.

use ipnet::IpNet;

use super::{Problems, addresses, hosts};
use crate::cluster::ClusterSpec;
use crate::yaml::{Path, Problem};

/// Widest IPv4 range for services that the API server takes.
const SERVICES_V4: u8 = 12;
/// Widest IPv6 range for services that the API server takes.
const SERVICES_V6: u8 = 108;

pub fn check(spec: &ClusterSpec, problems: &mut Problems) {
    let all = Path::of("spec.network");
    let network = &spec.network;
    let plugins = ["calico", "flannel", "cilium", "kubeovn", "hybridnet", "none"];
    problems.one_of(all.key("plugin"), &network.plugin, &plugins);
    let backends = ["vxlan", "host-gw", "wireguard", "ipsec", "udp", "ipip", "extension"];
    problems.one_of(all.key("flannel").key("backendMode"), &network.flannel.backend_mode, &backends);

    let pods = ranges(all.key("kubePodsCIDR"), "pods", &network.kube_pods_cidr, problems);
    let services = ranges(all.key("kubeServiceCIDR"), "services", &network.kube_service_cidr, problems);
    if let Some(services) = &services {
        for range in &services.ranges {
            let widest = if range.addr().is_ipv4() { SERVICES_V4 } else { SERVICES_V6 };
            if range.prefix_len() < widest {
                let message = format!("{range} is too wide for services: the API server takes /{widest} at the widest");
                problems.add(services.path.clone(), message);
            }
        }
    }
    let join = (network.plugin == "kubeovn")
        .then(|| ranges(all.key("kubeovn").key("joinCIDR"), "the join network", &network.kubeovn.join_cidr, problems))
        .flatten();

    let all: Vec<Ranges> = [pods, services, join].into_iter().flatten().collect();
    for (index, one) in all.iter().enumerate() {
        for other in &all[..index] {
            one.apart_from(other, problems);
        }
        one.without_hosts(spec, problems);
    }
}

/// The ranges of one field.
struct Ranges {
    path: Path,
    /// What the addresses are for.
    purpose: &'static str,
    ranges: Vec<IpNet>,
}

fn ranges(path: Path, purpose: &'static str, text: &str, problems: &mut Problems) -> Option<Ranges> {
    match addresses::parse(text) {
        Ok(ranges) => Some(Ranges { path, purpose, ranges }),
        Err(reason) => {
            let message = format!("{path}: {reason}");
            problems.add(path, message);
            None
        }
    }
}

impl Ranges {
    fn apart_from(&self, other: &Self, problems: &mut Problems) {
        for range in &self.ranges {
            if let Some(near) = other.ranges.iter().find(|near| addresses::overlap(range, near)) {
                let message =
                    format!("{range} for {} overlaps with {near} for {} ({})", self.purpose, other.purpose, other.path);
                let hint = "choose ranges that share no address";
                problems.push(Problem::new(self.path.clone(), message).hint(hint));
            }
        }
    }

    fn without_hosts(&self, spec: &ClusterSpec, problems: &mut Problems) {
        for (index, host) in spec.hosts.iter().enumerate() {
            let text = if host.internal_address.is_empty() { &host.address } else { &host.internal_address };
            let inside = hosts::parse_internal(text).unwrap_or_default();
            let hit = inside.iter().find_map(|ip| {
                let range = self.ranges.iter().find(|range| range.contains(ip))?;
                Some((ip, range))
            });
            if let Some((ip, range)) = hit {
                let message = format!("{range} for {} has the address {ip} of spec.hosts[{index}] in it", self.purpose);
                let hint = "choose a range that no machine of the site has an address in";
                problems.push(Problem::new(self.path.clone(), message).hint(hint));
                return;
            }
        }
    }
}
