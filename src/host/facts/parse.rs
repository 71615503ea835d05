//! Reads what the script printed. Everything in it comes from the host and may be anything.

use super::{Address, Clearing, Facts, Feature, Listener, Mount, Swap, UnitFact};

/// Longer values are cut.
const LONGEST_VALUE: usize = 1024;
/// Longer lists are cut.
const LONGEST_LIST: usize = 4096;

/// Reads `key=value` lines. Unknown keys and lines that cannot be read are passed over.
pub fn parse(text: &str) -> Facts {
    let mut facts = Facts::default();
    let mut unit = PartialUnit::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = clean(value);
        if key == "unit" {
            unit.read(&value, &mut facts);
        } else {
            read(&mut facts, key, value);
        }
    }
    unit.end(&mut facts);
    facts
}

fn read(facts: &mut Facts, key: &str, value: String) {
    let words = || value.split_ascii_whitespace();
    match key {
        "time.start" => facts.clock.0 = seconds(&value),
        "time.end" => facts.clock.1 = seconds(&value),
        "system" => facts.system = value,
        "arch" => facts.arch = go_arch(value),
        "kernel" => facts.kernel = value,
        "hostname" => facts.hostname = value,
        "resolves" => facts.resolves = Some(value == "yes"),
        "machine-id" => facts.machine_id = value,
        "product-uuid" => facts.product_uuid = value,
        "os.ID" => facts.os.id = unquote(&value),
        "os.VERSION_ID" => facts.os.version = unquote(&value),
        "os.PRETTY_NAME" => facts.os.name = unquote(&value),
        "cpus" => facts.cpus = value.parse().unwrap_or(0),
        "memory.MemTotal" => facts.memory = kib(&value),
        "memory.MemAvailable" => facts.memory_available = kib(&value),
        "swap" => {
            if let Some((size, path)) = value.split_once(' ') {
                push(&mut facts.swap, Swap { path: path.to_string(), size: kib(size) });
            }
        }
        "disk" => {
            let mut words = value.splitn(3, ' ');
            if let (Some(size), Some(free), Some(path)) = (words.next(), words.next(), words.next()) {
                push(&mut facts.mounts, Mount { path: path.to_string(), size: kib(size), free: kib(free) });
            }
        }
        "link" => {
            if let Some((link, target)) = value.split_once(' ')
                && facts.links.len() < LONGEST_LIST
            {
                facts.links.insert(link.to_string(), target.to_string());
            }
        }
        "listen" => {
            if let Some(listener) = listener(&value) {
                push(&mut facts.listening, listener);
            }
        }
        "listen-hex" => {
            let port = value.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
            if let Some(port) = port {
                push(&mut facts.listening, Listener { address: String::new(), port, process: None });
            }
        }
        "address" => {
            let mut words = words();
            if let (Some(interface), Some(address)) = (words.next(), words.next()) {
                let address = address.split('/').next().unwrap_or_default().to_string();
                push(&mut facts.addresses, Address { interface: interface.to_string(), address });
            }
        }
        "route" => {
            let mut words = words().skip_while(|word| *word != "dev");
            facts.default_interface = words.nth(1).map(str::to_string);
        }
        "nameserver" => push(&mut facts.nameservers, value),
        "cgroup" => facts.cgroup = value.parse().unwrap_or(0),
        "controllers" => {
            for controller in words().take(64) {
                facts.controllers.insert(controller.to_string());
            }
        }
        "feature" => {
            if let Some((name, state)) = value.split_once(' ')
                && facts.features.len() < LONGEST_LIST
            {
                let state = match state {
                    "present" => Feature::Present,
                    "loadable" => Feature::Loadable,
                    _ => Feature::Missing,
                };
                facts.features.insert(name.to_string(), state);
            }
        }
        "ip-forward" => facts.ip_forward = value == "1",
        "command" if facts.commands.len() < LONGEST_LIST => {
            facts.commands.insert(value);
        }
        "systemd" => facts.systemd = Some(value),
        "ufw" => facts.ufw = value == "enabled",
        "selinux" => facts.selinux = Some(value),
        "kk" => facts.kk = value == "yes",
        "kk-unit" if facts.kk_units.len() < LONGEST_LIST => {
            facts.kk_units.insert(value);
        }
        "busy" => facts.busy = value == "yes",
        "clearing" => facts.clearing = Clearing::of(&value),
        "joined" => facts.joined = value == "yes",
        "kubelet-conf" => facts.kubelet_conf = value == "yes",
        "kubelet" => facts.kubelet = Some(value.to_owned()),
        "admin-conf" => facts.admin_conf = value == "yes",
        "etcd-data" => facts.etcd_data = value == "yes",
        "etcd-member" => facts.etcd_member = value == "yes",
        "etcd-version" => facts.etcd_version = Some(value.to_owned()),
        "cni" => push(&mut facts.cni, value),
        "cluster" => facts.cluster = Some(value),
        _ => {}
    }
}

/// A unit's properties come on lines of their own, units apart by an empty line.
#[derive(Default)]
struct PartialUnit {
    name: String,
    loaded: bool,
    active: bool,
    path: String,
}

impl PartialUnit {
    fn read(&mut self, line: &str, facts: &mut Facts) {
        match line.split_once('=') {
            Some(("Id", name)) => self.name = name.to_string(),
            Some(("LoadState", state)) => self.loaded = state == "loaded" || state == "masked",
            Some(("ActiveState", state)) => self.active = matches!(state, "active" | "activating" | "reloading"),
            Some(("FragmentPath", path)) => self.path = path.to_string(),
            Some(_) => {}
            None => self.end(facts),
        }
    }

    fn end(&mut self, facts: &mut Facts) {
        let unit = std::mem::take(self);
        if unit.loaded && !unit.name.is_empty() {
            push(&mut facts.units, UnitFact { name: unit.name, active: unit.active, path: unit.path });
        }
    }
}

/// A line of `ss -Hltnp`: state, two queues, local and peer address, `users:(("sshd",pid=1,fd=3))`.
fn listener(line: &str) -> Option<Listener> {
    let mut words = line.split_ascii_whitespace();
    let (address, port) = words.nth(3)?.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let process = line.split_once("((\"").and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name.to_string());
    Some(Listener { address: address.to_string(), port, process })
}

/// Without control characters: values end up in messages on a terminal.
fn clean(value: &str) -> String {
    value.chars().filter(|character| !character.is_control()).take(LONGEST_VALUE).collect::<String>().trim().to_string()
}

fn unquote(value: &str) -> String {
    let value = value.trim_matches(['"', '\'']);
    value.replace('\\', "")
}

fn kib(value: &str) -> u64 {
    value.parse::<u64>().unwrap_or(0).saturating_mul(1024)
}

/// `1700000000.123456789`; the fraction may be missing, or be the letter N of a `date` that knows none.
fn seconds(value: &str) -> Option<f64> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let whole: u32 = whole.parse().ok()?;
    let fraction = match fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("0.{fraction}0").parse().unwrap_or(0.0),
        false => 0.0,
    };
    Some(f64::from(whole) + fraction)
}

fn go_arch(machine: String) -> String {
    match machine.as_str() {
        "x86_64" => "amd64".into(),
        "aarch64" => "arm64".into(),
        _ => machine,
    }
}

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() < LONGEST_LIST {
        list.push(item);
    }
}

#[cfg(test)]
mod tests;
