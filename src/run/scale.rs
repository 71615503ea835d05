//! What the engine itself takes for many hosts. These tests measure and print; they run when they are asked for, by
//! `scripts/bench engine`.

use std::fs;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use rustix::time::{ClockId, clock_gettime};

use super::*;
use crate::digest::Digest;
use crate::event::silent;
use crate::host::{Machine, MachineError, Output, Script};
use crate::plan::tests::{bare, many};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a simulated host takes for every answer.
const LATENCY: Duration = Duration::from_millis(20);

/// A host that is bare, and does at once whatever it is told. It answers as scripts do: a line for each part.
struct Simulated {
    name: String,
    asked: Arc<AtomicU64>,
    /// Processor time that playing hosts takes, in nanoseconds: elsewhere it would be the hosts' own.
    played: Arc<AtomicU64>,
}

/// Processor time of this thread so far, in nanoseconds.
fn thread_time() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(now.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap()
}

impl Machine for Simulated {
    fn name(&self) -> &str {
        &self.name
    }

    fn run<'a>(&'a self, script: &'a Script) -> BoxFuture<'a, Result<Output, MachineError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let begun = thread_time();
            let text = script.expose();
            let marker =
                text.split_once("kk_marker=").map_or("", |(_, rest)| rest.split(' ').next().unwrap_or_default());
            let mut stdout = String::new();
            for line in text.lines().filter(|line| line.starts_with("kk_")) {
                let words: Vec<&str> = line.split(' ').collect();
                match words.as_slice() {
                    ["kk_say", index, "$?"] => stdout += &format!("{marker} {index} 1\n"),
                    ["kk_done", index, ..] => stdout += &format!("{marker} {index} changed\n"),
                    _ => {}
                }
            }
            self.played.fetch_add(thread_time() - begun, Ordering::Relaxed);
            tokio::time::sleep(LATENCY).await;
            Ok(Output { status: 0, stdout, stderr: String::new() })
        })
    }

    fn upload<'a>(
        &'a self,
        _source: Box<dyn Read + Send>,
        _size: u64,
        _path: &'a str,
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async {
            tokio::time::sleep(LATENCY).await;
            Ok(())
        })
    }

    fn download<'a>(
        &'a self,
        path: &'a str,
        _size: u64,
        _sink: Box<dyn io::Write + Send>,
    ) -> BoxFuture<'a, Result<Digest, MachineError>> {
        Box::pin(async move {
            Err(MachineError::Download {
                host: self.name.clone(),
                path: path.into(),
                reason: "nothing is there".into(),
            })
        })
    }
}

/// Any byte of any bundle.
struct Nothing;

impl Store for Nothing {
    fn open(&self, _path: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::empty()))
    }
}

/// Processor time of this process so far, in seconds: fields 14 and 15 of its line in /proc, in hundredths (proc(5)).
fn processor() -> f64 {
    let line = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = line.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// The most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "measures, for scripts/bench engine"]
fn a_plan_for_a_thousand_hosts() {
    let begun = Instant::now();
    let cluster = many(1000);
    let plan = bare(&cluster);
    let seconds = begun.elapsed().as_secs_f64();
    let steps: usize = plan.stages.iter().map(|stage| stage.tasks.len()).sum();
    println!("\nmeasured plan {seconds:.3} {} {steps}", peak());
    assert!(steps > 5000);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, for scripts/bench engine"]
async fn a_run_over_five_hundred_hosts() {
    let cluster = many(500);
    let plan = bare(&cluster);
    let (asked, played) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let machines = cluster.spec.hosts.iter().map(|host| {
        let simulated = Simulated { name: host.name.clone(), asked: asked.clone(), played: played.clone() };
        (host.name.clone(), Arc::new(simulated) as Arc<dyn Machine>)
    });
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator { push: Box::new(|images, _| Box::pin(async move { Ok(images.images.len()) })) };
    let journal = Journal::begin(folder.path(), "create cluster", None).unwrap();
    let executor = Executor::new(machines.collect(), Arc::new(Nothing), Arc::new(operator), journal, silent());
    let (before, begun) = (processor(), Instant::now());
    let summary = executor.execute(&plan).await.unwrap();
    let (wall, all) = (begun.elapsed().as_secs_f64(), processor() - before);
    let busy = all - played.load(Ordering::Relaxed) as f64 / 1e9;
    println!("\nmeasured run {wall:.3} {busy:.3} {} {} {all:.3}", peak(), asked.load(Ordering::Relaxed));
    assert_eq!(summary.hosts.len(), 500);
}
