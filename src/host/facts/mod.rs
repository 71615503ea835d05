//! What a host is, in one round trip.

mod parse;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::{Machine, MachineError, Script};
pub use parse::parse;

/// The script that prints the facts; [`parse`] reads what it prints.
pub const SCRIPT: &str = include_str!("script.sh");

/// How long the script may take on a slow host.
const LIMIT: Duration = Duration::from_secs(60);

/// What is known of a host. What a host did not say is empty, zero or `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Facts {
    /// As the Go toolchain names it: `amd64`, `arm64`; others as the kernel names them.
    pub arch: String,
    /// `Linux`.
    pub system: String,
    pub kernel: String,
    pub hostname: String,
    /// Whether the host can resolve its own name; `None` where that cannot be asked.
    pub resolves: Option<bool>,
    pub os: Os,
    pub machine_id: String,
    pub product_uuid: String,
    pub cpus: u32,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub memory_available: u64,
    /// Swap areas in use.
    pub swap: Vec<Swap>,
    pub mounts: Vec<Mount>,
    /// Folder → where it leads, for folders of ours that are links or lie behind one.
    pub links: BTreeMap<String, String>,
    pub listening: Vec<Listener>,
    pub addresses: Vec<Address>,
    /// Network interface of the default route.
    pub default_interface: Option<String>,
    pub nameservers: Vec<String>,
    /// 1 or 2; 0 where the host did not say.
    pub cgroup: u8,
    pub controllers: BTreeSet<String>,
    /// Feature → whether the kernel has it: `overlay`, `bridge-netfilter`, `vxlan`, `iptables-nat`, `nftables`, `ipvs`.
    pub features: BTreeMap<String, Feature>,
    pub ip_forward: bool,
    /// Those of the commands asked for that are there.
    pub commands: BTreeSet<String>,
    /// State of systemd such as `running`; `None` where the host does not run it.
    pub systemd: Option<String>,
    /// Units of runtimes, clusters and firewalls that are there.
    pub units: Vec<UnitFact>,
    /// ufw is switched on.
    pub ufw: bool,
    /// `Enforcing`, `Permissive` or `Disabled`.
    pub selinux: Option<String>,
    /// kk has brought something to this host and has not been removed from it. An operating system that it has prepared
    /// does not count: what runs there is still somebody else's.
    pub kk: bool,
    /// Units that kk has started.
    pub kk_units: BTreeSet<String>,
    /// A script of kk's is at work there, such as one that a killed run has left behind.
    pub busy: bool,
    /// A removal has begun there and has not ended.
    pub clearing: Option<Clearing>,
    /// kk has made a node of this host.
    pub joined: bool,
    /// Release of the kubelet on a host of which kk has made a node, with its `v`.
    pub kubelet: Option<String>,
    /// kubeadm has written the kubelet's credentials.
    pub kubelet_conf: bool,
    /// kubeadm has written the administrator's credentials.
    pub admin_conf: bool,
    /// `/var/lib/etcd` holds a member's data.
    pub etcd_data: bool,
    /// kk has made a member of etcd of this host, and all members were healthy then.
    pub etcd_member: bool,
    /// Version of the etcd that runs on a host of which kk has made a member, without a `v`; where none runs, of the one that
    /// is installed.
    pub etcd_version: Option<String>,
    /// Files in `/etc/cni/net.d`.
    pub cni: Vec<String>,
    /// The API server that the kubelet asks.
    pub cluster: Option<String>,
    /// Seconds by which the host's clock is ahead of the operator's.
    pub clock_ahead: Option<f64>,
    /// The host's clock when the script began and when it ended, in seconds since 1970.
    #[serde(skip)]
    pub clock: (Option<f64>, Option<f64>),
}

/// The command that clears a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Clearing {
    /// `kk delete cluster`
    Cluster,
    /// `kk delete node`
    Node,
}

impl Clearing {
    /// How it is written down on the host, and the last word of the command.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Node => "node",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::Cluster, Self::Node].into_iter().find(|clearing| clearing.word() == word)
    }
}

/// The operating system, as `/etc/os-release` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Os {
    /// `debian`.
    pub id: String,
    /// `12`.
    pub version: String,
    /// `Debian GNU/Linux 12 (bookworm)`.
    pub name: String,
}

/// A swap area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Swap {
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// A mounted file system that holds files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mount {
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Bytes that are free for use.
    pub free: u64,
}

/// A TCP socket that waits for connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// `0.0.0.0`, `*`, `[::]`, `127.0.0.1`; empty where only the port is known.
    pub address: String,
    pub port: u16,
    /// Name of the process, at most 15 bytes.
    pub process: Option<String>,
}

/// An address of a network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    pub interface: String,
    /// Without the length of its prefix.
    pub address: String,
}

/// Whether a kernel has a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    Present,
    /// As a module that is not loaded.
    Loadable,
    Missing,
}

/// A systemd unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitFact {
    /// `containerd.service`.
    pub name: String,
    pub active: bool,
    /// The unit's file.
    pub path: String,
}

impl Facts {
    /// Whether swap is in use.
    pub fn swap_in_use(&self) -> bool {
        !self.swap.is_empty()
    }

    /// The mount that a folder lies on, whether the folder is there or not.
    pub fn mount_of(&self, folder: &str) -> Option<&Mount> {
        let followed = self.follow(folder);
        let holds = |mount: &&Mount| {
            let path = mount.path.trim_end_matches('/');
            followed.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // Of two mounts at one place, the later hides the earlier.
        self.mounts.iter().filter(holds).max_by_key(|mount| mount.path.trim_end_matches('/').len())
    }

    /// The unit of this name, if it is there.
    pub fn unit(&self, name: &str) -> Option<&UnitFact> {
        self.units.iter().find(|unit| unit.name == name)
    }

    fn follow(&self, folder: &str) -> String {
        let mut best: Option<(&str, &str)> = None;
        for (link, target) in &self.links {
            let inside =
                folder.strip_prefix(link.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if inside && best.is_none_or(|(known, _)| link.len() > known.len()) {
                best = Some((link, target));
            }
        }
        match best {
            Some((link, target)) => format!("{target}{}", &folder[link.len()..]),
            None => folder.to_string(),
        }
    }
}

/// Asks a host.
pub async fn gather(machine: &dyn Machine) -> Result<Facts, MachineError> {
    let before = now();
    let output = machine.run(&Script::new(SCRIPT, LIMIT)).await?;
    let after = now();
    let mut facts = parse(&output.stdout);
    if output.status != 0 || facts.arch.is_empty() {
        return Err(MachineError::Output {
            host: machine.name().to_string(),
            message: format!("the host did not say what it is: {}", output.stderr.trim()),
        });
    }
    // Both middles are the same moment if the ways to and from the host take equally long.
    if let (Some(start), Some(end)) = facts.clock {
        facts.clock_ahead = Some((start + end) / 2.0 - (before + after) / 2.0);
    }
    Ok(facts)
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;
    use crate::host::Output;

    /// A host whose clock is so many seconds ahead, and which takes its time to answer.
    struct Ahead(f64);

    impl Machine for Ahead {
        fn name(&self) -> &str {
            "node1"
        }

        fn run<'a>(&'a self, _: &'a Script) -> BoxFuture<'a, Result<Output, MachineError>> {
            async move {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let start = now() + self.0;
                tokio::time::sleep(Duration::from_millis(100)).await;
                let end = now() + self.0;
                tokio::time::sleep(Duration::from_millis(200)).await;
                let stdout = format!("time.start={start:.3}\narch=riscv64\ntime.end={end:.3}\n");
                Ok(Output { stdout, ..Output::default() })
            }
            .boxed()
        }

        fn upload<'a>(
            &'a self,
            _: Box<dyn Read + Send>,
            _: u64,
            path: &'a str,
        ) -> BoxFuture<'a, Result<(), MachineError>> {
            let error = MachineError::Upload { host: "node1".into(), path: path.into(), reason: "unasked".into() };
            async { Err(error) }.boxed()
        }

        fn download<'a>(
            &'a self,
            path: &'a str,
            _: u64,
            _: Box<dyn std::io::Write + Send>,
        ) -> BoxFuture<'a, Result<crate::digest::Digest, MachineError>> {
            let error = MachineError::Download { host: "node1".into(), path: path.into(), reason: "unasked".into() };
            async { Err(error) }.boxed()
        }
    }

    #[tokio::test]
    async fn the_clock_is_compared_without_the_way() {
        for ahead in [3600.0, -3600.0, 0.0] {
            let found = gather(&Ahead(ahead)).await.unwrap();
            assert!(found.clock_ahead.is_some_and(|found| (found - ahead).abs() < 0.15), "{:?}", found.clock_ahead);
        }
    }

    /// What the script's own lines about kk print where these files are in kk's folder.
    fn told_with(files: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let lines: Vec<&str> = SCRIPT.lines().filter(|line| line.contains("echo kk=yes")).collect();
        assert_eq!(lines.len(), 1);
        let line = lines[0].replace("/var/lib/kk", &folder.path().display().to_string());
        let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_prepared_system_is_not_yet_kks() {
        assert_eq!(told_with(&[]), "");
        assert_eq!(told_with(&["hostname-before", "blocks/0123"]), "");
        assert_eq!(told_with(&["hostname-before", "staging/0123.part"]), "kk=yes\n");
        assert_eq!(told_with(&["units/etcd.service"]), "kk=yes\n");
    }
}
