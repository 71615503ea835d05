//! How long a large file takes to hosts. This test measures and prints; it runs when it is asked for, by
//! `scripts/bench upload`, with hosts that are there.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use kk::cluster::Host;
use kk::digest::Hasher;
use kk::event::silent;
use kk::host::part::{Artifact, Part, Source};
use kk::host::ssh::{HostKeyPolicy, KnownHosts, Options, Session, Target};
use kk::host::{Machine, Step};
use kk::plan::{Order, Plan, Stage, Task};
use kk::run::{Executor, Journal, Limits, Operator, Store};

/// Where the file goes, on every host.
const TARGET: &str = "/var/lib/kk-bench/file";

struct OneFile(PathBuf);

impl Store for OneFile {
    fn open(&self, _path: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(std::fs::File::open(&self.0)?))
    }
}

fn asked(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by scripts/bench upload"))
}

fn measured(path: &Path) -> Source {
    let mut file = std::fs::File::open(path).unwrap();
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk).unwrap() {
            0 => break,
            count => hasher.update(&chunk[..count]),
        }
    }
    let measured = hasher.finish();
    Source { path: "files/bench".into(), sha256: measured.sha256, size: measured.size }
}

/// `KK_BENCH_WAY`: `upload` logs in to the first host, as scp does, and writes the file there; `run` has the engine make it hold on all of
/// them, peers or not.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, for scripts/bench upload"]
async fn a_large_file_to_hosts() {
    let (way, file) = (asked("KK_BENCH_WAY"), PathBuf::from(asked("KK_BENCH_FILE")));
    let hosts: Vec<Host> = serde_yaml::from_str(&std::fs::read_to_string(asked("KK_BENCH_HOSTS")).unwrap()).unwrap();
    let count = asked("KK_BENCH_COUNT").parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let known = Arc::new(KnownHosts::new(Vec::new(), folder.path().join("known_hosts"), HostKeyPolicy::AcceptNew));
    let source = measured(&file);
    let begun = Instant::now();
    let mut machines: BTreeMap<String, Arc<dyn Machine>> = BTreeMap::new();
    for host in hosts.iter().take(count) {
        let session = Session::connect(&Target::of(host, None), &known, &Options::default()).await.unwrap();
        machines.insert(host.name.clone(), Arc::new(session));
    }
    assert_eq!(machines.len(), count);
    if way == "upload" {
        let machine = machines.values().next().unwrap();
        machine.upload(Box::new(std::fs::File::open(&file).unwrap()), source.size, TARGET).await.unwrap();
        return println!("\nmeasured upload {:.3}", begun.elapsed().as_secs_f64());
    }
    let part = Part::Artifact(Artifact { path: TARGET.into(), source, mode: 0o644, owner: "root".into() });
    let tasks = machines.keys().map(|host| Task::Host {
        host: host.clone(),
        steps: vec![Step::new("bench/upload", "Bring a file", vec![part.clone()])],
    });
    let (name, title) = ("bench".to_owned(), "Bench".to_owned());
    let stage = Stage { name, title, after: vec![], order: Order::Parallel, tasks: tasks.collect() };
    let plan = Plan { cluster: "bench".into(), stages: vec![stage] };
    let operator = Operator { push: Box::new(|_, _| Box::pin(async { Ok(0) })) };
    let journal = Journal::begin(folder.path(), "bench", None).unwrap();
    let mut executor = Executor::new(machines, Arc::new(OneFile(file)), Arc::new(operator), journal, silent())
        .limits(Limits::default());
    if let Ok(program) = std::env::var("KK_BENCH_PEERS") {
        executor = executor.peers(PathBuf::from(program));
    }
    let begun = Instant::now();
    let summary = executor.execute(&plan).await.unwrap();
    println!("\nmeasured run {:.3}", begun.elapsed().as_secs_f64());
    assert_eq!(summary.changed, count);
}
