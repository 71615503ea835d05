//! The machines: names, addresses, ports, labels.

use std::collections::HashMap;
use std::net::IpAddr;

use super::Problems;
use crate::cluster::{ClusterSpec, Host, names, proxy_jump};
use crate::yaml::{Path, Problem};

pub fn check(spec: &ClusterSpec, problems: &mut Problems) {
    let all = Path::of("spec.hosts");
    if spec.hosts.is_empty() {
        problems.add(all, "the cluster has no hosts");
        return;
    }
    let mut seen = Seen::default();
    for (index, host) in spec.hosts.iter().enumerate() {
        let path = all.index(index);
        name(host, &path, &mut seen, problems);
        addresses(host, &path, &mut seen, problems);
        if let Some(port) = host.port {
            problems.port(path.key("port"), port);
        }
        jump(host, path.key("proxyJump"), problems);
        if host.user.as_deref() == Some("") {
            problems.add(path.key("user"), format!("{path}.user is empty"));
        }
        if host.timeout == 0 {
            problems.add(path.key("timeout"), format!("{path}.timeout must be at least 1 second"));
        }
        if let Some(arch) = &host.arch {
            architecture(path.key("arch"), arch, problems);
        }
        for (key, value) in &host.labels {
            let path = path.key("labels").key(key);
            if !names::is_label_key(key) {
                problems.add(path, format!("{key:?} cannot be the name of a label"));
            } else if !names::is_label_value(value) {
                problems.add(path, format!("{value:?} cannot be the value of a label"));
            }
        }
    }
}

/// Checks the name of an architecture; a variant may follow, as in `arm64/v8`.
pub fn architecture(path: Path, arch: &str, problems: &mut Problems) {
    const KNOWN: [&str; 2] = ["amd64", "arm64"];
    let base = arch.split('/').next().unwrap_or_default();
    if KNOWN.contains(&base) {
        return;
    }
    let problem = Problem::new(path.clone(), format!("{path} cannot be {arch:?}: known are {}", KNOWN.join(", ")));
    problems.push(match base {
        "x86_64" | "x86-64" | "x64" => problem.hint("did you mean \"amd64\"?"),
        "aarch64" => problem.hint("did you mean \"arm64\"?"),
        _ => problem.did_you_mean(arch, KNOWN),
    });
}

/// Checks the spelling of jump hosts, and that a host is not its own.
fn jump(host: &Host, path: Path, problems: &mut Problems) {
    let Some(text) = host.proxy_jump.as_deref().filter(|text| !text.is_empty()) else { return };
    match proxy_jump::parse(text) {
        Err(error) => {
            problems.add(path.clone(), format!("{path}: {error}"));
        }
        Ok(hops) => {
            let own = |hop: &proxy_jump::Hop| {
                hop.host == host.name || hop.host == host.address && hop.port.unwrap_or(22) == host.port.unwrap_or(22)
            };
            if let Some(hop) = hops.iter().find(|hop| own(hop)) {
                let problem = problems.add(path.clone(), format!("{path}: {:?} is the host itself", hop.host));
                problem.hint = Some("a host that is reached directly needs no proxyJump, or \"none\"".into());
            }
        }
    }
}

/// What earlier hosts have taken.
#[derive(Default)]
struct Seen {
    names: HashMap<String, usize>,
    /// Address and port for SSH.
    ssh: HashMap<(String, u16), usize>,
    internal: HashMap<String, usize>,
}

fn name(host: &Host, path: &Path, seen: &mut Seen, problems: &mut Problems) {
    let path = path.key("name");
    if host.name.is_empty() {
        problems.add(path.clone(), format!("{path} is missing"));
        return;
    }
    if !names::is_dns_name(&host.name) {
        let problem = problems.add(path.clone(), format!("{:?} cannot be the name of a host", host.name));
        let lower = host.name.to_lowercase().replace('_', "-");
        problem.hint = Some(match names::is_dns_name(&lower) {
            true => format!("write {lower:?}: small letters, digits, \"-\" and \".\" only"),
            false => "small letters, digits, \"-\" and \".\" only, at most 63 of them between dots".into(),
        });
    }
    if let Some(first) = seen.names.get(&host.name) {
        problems.add(path, format!("the name {:?} is that of spec.hosts[{first}] too", host.name));
    } else {
        seen.names.insert(host.name.clone(), path_index(&path));
    }
}

fn addresses(host: &Host, path: &Path, seen: &mut Seen, problems: &mut Problems) {
    let (address, internal) = (path.key("address"), path.key("internalAddress"));
    if host.address.is_empty() && host.internal_address.is_empty() {
        problems.add(path.clone(), format!("{path} has no address"));
        return;
    }
    if !host.address.is_empty() && !names::is_host(&host.address) {
        problems.add(address.clone(), format!("{address} must be an address or a host name, not {:?}", host.address));
        return;
    }
    let (inside, written) = match host.internal_address.is_empty() {
        true => (host.address.as_str(), &address),
        false => (host.internal_address.as_str(), &internal),
    };
    match parse_internal(inside) {
        Ok(parsed) => {
            for ip in parsed {
                let taken = seen.internal.get(&ip.to_string()).copied();
                match taken {
                    Some(first) => {
                        problems.add(written.clone(), format!("the address {ip} is that of spec.hosts[{first}] too"));
                        return;
                    }
                    None => {
                        seen.internal.insert(ip.to_string(), path_index(path));
                    }
                }
            }
        }
        Err(reason) => {
            let problem = problems.add(written.clone(), format!("{written} {reason}"));
            if host.internal_address.is_empty() {
                problem.hint = Some("name the host's address inside the cluster in internalAddress".into());
            }
        }
    }
    let ssh = match host.address.as_str() {
        "" => host.internal_ipv4(),
        address => address,
    };
    let port = host.port.unwrap_or(22);
    let taken = seen.ssh.get(&(ssh.to_owned(), port)).copied();
    match taken {
        Some(first) => {
            let at = if host.address.is_empty() { internal } else { address };
            problems.add(at, format!("the address {ssh} is that of spec.hosts[{first}] too"));
        }
        None => {
            seen.ssh.insert((ssh.to_owned(), port), path_index(path));
        }
    }
}

/// The addresses inside the cluster: one, or one of each family with a comma between.
pub fn parse_internal(text: &str) -> Result<Vec<IpAddr>, String> {
    let parsed: Result<Vec<IpAddr>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    match parsed.as_deref() {
        Ok([ip]) if ip.is_unspecified() || ip.is_multicast() => Err("cannot be that of a host".into()),
        Ok([_]) => Ok(parsed.unwrap_or_default()),
        Ok([first, second]) if first.is_ipv4() && second.is_ipv6() => Ok(parsed.unwrap_or_default()),
        Ok(_) => Err("must be one address, or an IPv4 address, a comma and an IPv6 address".into()),
        Err(_) => Err(format!("must be an IP address, not {text:?}")),
    }
}

/// The number of the host whose address this is, or leads through.
fn path_index(path: &Path) -> usize {
    let index = path.0.iter().find_map(|segment| match segment {
        crate::yaml::Segment::Index(index) => Some(*index),
        _ => None,
    });
    index.unwrap_or_default()
}
