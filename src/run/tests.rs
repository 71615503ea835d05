//! The executor over local shells that play hosts.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;

use super::*;
use crate::digest::Digest;
use crate::event::{Event, Events, Sink, silent};
use crate::host::local::LocalShell;
use crate::host::part::script::Places;
use crate::host::part::{Artifact, Part, Source};
use crate::host::{Machine, MachineError, Output, Script, Step};
use crate::plan::{OperatorWork, Order, Plan, Stage, Task};

struct Memory(Vec<u8>);

impl Store for Memory {
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        match path {
            "files/tool" => Ok(Box::new(Cursor::new(self.0.clone()))),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// A host whose connection is lost the first so many times.
struct Shaky {
    inner: LocalShell,
    losses: AtomicUsize,
}

impl Machine for Shaky {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn run<'a>(&'a self, script: &'a Script) -> BoxFuture<'a, Result<Output, MachineError>> {
        Box::pin(async move {
            let output = self.inner.run(script).await;
            if self.losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                return Err(MachineError::Lost { host: self.name().into(), reason: "cut".into() });
            }
            output
        })
    }

    fn upload<'a>(
        &'a self,
        source: Box<dyn Read + Send>,
        size: u64,
        path: &'a str,
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        self.inner.upload(source, size, path)
    }

    fn download<'a>(
        &'a self,
        path: &'a str,
        size: u64,
        sink: Box<dyn io::Write + Send>,
    ) -> BoxFuture<'a, Result<Digest, MachineError>> {
        self.inner.download(path, size, sink)
    }
}

struct Site {
    folder: tempfile::TempDir,
    owner: String,
}

const BYTES: &[u8] = b"#!/bin/sh\necho tool\n";

impl Site {
    fn new() -> Self {
        let owner = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
        Self { folder: tempfile::tempdir().unwrap(), owner: String::from_utf8(owner).unwrap().trim().into() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// `losses`: how often the connection to the second host is lost.
    fn executor(&self, losses: usize, events: Events) -> Executor {
        let operator = Operator { push: Box::new(|images, _| Box::pin(async move { Ok(images.images.len()) })) };
        let mut machines: BTreeMap<String, Arc<dyn Machine>> = BTreeMap::new();
        machines.insert("a".into(), Arc::new(LocalShell::new("a")));
        let shaky = Shaky { inner: LocalShell::new("b"), losses: AtomicUsize::new(losses) };
        machines.insert("b".into(), Arc::new(shaky));
        let journal = Journal::begin(&self.folder.path().join(".kk/sample"), "create cluster", None).unwrap();
        let places = Places { state: self.path("state"), run: self.path("run"), ..Places::default() };
        Executor::new(machines, Arc::new(Memory(BYTES.into())), Arc::new(operator), journal, events).places(places)
    }

    fn tool(&self, host: &str, sha256: Digest) -> Part {
        Part::Artifact(Artifact {
            path: self.path(&format!("{host}/tool")),
            source: Source { path: "files/tool".into(), sha256, size: BYTES.len() as u64 },
            mode: 0o755,
            owner: self.owner.clone(),
        })
    }

    fn append(&self, name: &str, line: &str) -> Part {
        let path = self.path(name);
        Part::command(
            format!("Append {line}"),
            format!("grep -qx '{line}' '{path}'"),
            format!("sleep 0.2; echo '{line}' >>'{path}'"),
        )
    }
}

fn task(host: &str, parts: Vec<Part>) -> Task {
    Task::Host { host: host.into(), steps: vec![Step::new("test/step", "Do the work", parts)] }
}

fn stage(name: &str, after: &[&str], order: Order, tasks: Vec<Task>) -> Stage {
    let after = after.iter().map(|name| name.to_string()).collect();
    Stage { name: name.into(), title: name.into(), after, order, tasks }
}

fn plan(stages: Vec<Stage>) -> Plan {
    Plan { cluster: "sample".into(), stages }
}

fn whole_plan(site: &Site) -> Plan {
    let digest = Digest::of(BYTES);
    plan(vec![
        stage(
            "tools",
            &[],
            // The two hosts share one folder for staging.
            Order::OneByOne,
            vec![task("a", vec![site.tool("a", digest)]), task("b", vec![site.tool("b", digest)])],
        ),
        stage(
            "log",
            &["tools"],
            Order::OneByOne,
            vec![task("b", vec![site.append("log", "b")]), task("a", vec![site.append("log", "a")])],
        ),
        stage(
            "keep",
            &["log"],
            Order::Parallel,
            vec![Task::Operator(OperatorWork::KeepFile {
                path: site.folder.path().join("kubeconfig"),
                content: SecretString::from("token".to_owned()),
            })],
        ),
    ])
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let site = Site::new();
    let plan = whole_plan(&site);
    let first = site.executor(0, silent()).execute(&plan).await.unwrap();
    assert_eq!((first.changed, first.held, first.hosts["a"].changed), (5, 0, 2));
    assert_eq!(std::fs::read_to_string(site.path("log")).unwrap(), "b\na\n");
    let second = site.executor(0, silent()).execute(&plan).await.unwrap();
    assert_eq!((second.changed, second.held), (0, 4));
    let journal = std::fs::read_to_string(site.path(".kk/sample/journal/0002.jsonl")).unwrap();
    assert_eq!(journal.lines().count(), 7);
    assert!(journal.contains(r#""record":"run-ended","outcome":"done","changed":0"#), "{journal}");
    assert!(!journal.contains("token"));
}

#[tokio::test]
async fn a_lost_connection_is_taken_up_again() {
    let site = Site::new();
    let summary = site.executor(2, silent()).execute(&whole_plan(&site)).await.unwrap();
    assert_eq!(summary.hosts["b"].held + summary.hosts["b"].changed, 2);
    assert_eq!(std::fs::read_to_string(site.path("log")).unwrap(), "b\na\n");
}

#[tokio::test]
async fn after_a_failure_nothing_new_begins_and_what_runs_is_finished() {
    let site = Site::new();
    let secret = Part::secret_file(site.path("secret"), SecretString::from("very secret\n".to_owned()));
    let failing = Part::command("Join", "false", "echo no luck: very secret; echo '\u{1b}[31m'; exit 7");
    let plan = plan(vec![
        stage(
            "first",
            &[],
            Order::Parallel,
            vec![task("a", vec![secret, failing]), task("b", vec![Part::command("Slow", "false", "exit 9")])],
        ),
        stage("second", &[], Order::Parallel, vec![task("b", vec![site.append("log", "never")])]),
    ]);
    let error = site.executor(0, silent()).execute(&plan).await.unwrap_err();
    let RunError::Failed { failures, unfinished } = &error else { panic!("{error}") };
    assert_eq!((failures.len(), *unfinished), (2, 1));
    assert_eq!(error.to_string(), "2 steps failed on a, b; 1 pieces of work are left");
    let details = error.details().join("\n");
    let expected = "a: \"Do the work\" failed at \"Join\" (exit status 7)\n  | no luck: (hidden)\n  | [31m";
    assert!(details.contains(expected), "{details}");
    assert!(!std::fs::exists(site.path("log")).unwrap());
}

#[tokio::test]
async fn a_wish_to_stop_finishes_the_running_step() {
    let site = Site::new();
    let stop = Stop::new();
    let executor = site.executor(0, silent()).stop(stop.clone());
    let plan = plan(vec![
        stage("one", &[], Order::Parallel, vec![task("a", vec![site.append("log", "one")])]),
        stage("two", &[], Order::Parallel, vec![task("a", vec![site.append("log", "two")])]),
    ]);
    let ask = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.ask();
    };
    let (outcome, ()) = tokio::join!(executor.execute(&plan), ask);
    assert!(matches!(outcome, Err(RunError::Interrupted { unfinished: 1 })), "{outcome:?}");
    assert_eq!(std::fs::read_to_string(site.path("log")).unwrap(), "one\n");

    let stop = Stop::new();
    stop.ask();
    stop.ask();
    let outcome = site.executor(0, silent()).stop(stop.clone()).execute(&plan).await;
    assert!(matches!(outcome, Err(RunError::Interrupted { unfinished: 2 })), "{outcome:?}");

    let tidying = stop.anew();
    site.executor(0, silent()).stop(tidying.clone()).execute(&plan).await.unwrap();
    stop.ask();
    assert!(tidying.asked(), "a further wish is one for it too");
}

#[tokio::test]
async fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let site = Site::new();
    let path = site.path("config");
    std::fs::write(&path, "a = 1\nb = 2\nc = 3\n").unwrap();
    let file = |path: String, content: &str| {
        Part::File(crate::host::part::File {
            path,
            content: crate::host::part::Content::Plain(content.into()),
            mode: 0o644,
            owner: site.owner.clone(),
        })
    };
    let block =
        Part::Block(crate::host::part::Block { path: path.clone(), marker: "m".into(), content: "d = 4\n".into() });
    let secret = Part::secret_file(site.path("key"), SecretString::from("hunter2".to_owned()));
    let parts = vec![file(path.clone(), "a = 1\nb = two\nc = 3\n"), block, secret, file(site.path("new"), "1\n2\n")];
    let plan = plan(vec![stage("one", &[], Order::Parallel, vec![task("a", parts)])]);
    let machines = BTreeMap::from([("a".to_owned(), Arc::new(LocalShell::new("a")) as Arc<dyn Machine>)]);
    let places = Places { state: site.path("state"), run: site.path("run"), ..Places::default() };
    let survey = survey(&plan, &machines, &places, Limits::default()).await.unwrap();
    let text = crate::plan::Preview::new(&plan, &survey).text.replace(site.folder.path().to_str().unwrap(), "/site");
    insta::assert_snapshot!(text, @r#"
    Plan for cluster sample: 1 stages, 1 steps on 1 hosts; 4 of 4 parts would change

    1. one [one]
       a
         Do the work [test/step]
           - file /site/config
                a = 1
               -b = 2
               +b = two
                c = 3
           - lines "m" in /site/config
                c = 3
               +# BEGIN kk m
               +d = 4
               +# END kk m
           - file /site/key
           - file /site/new
               new, 2 lines
    "#);
    assert_eq!(std::fs::read_dir(site.folder.path()).unwrap().count(), 1);
}

#[derive(Default)]
struct Counting {
    moved: AtomicUsize,
    total: AtomicUsize,
}

impl Sink for Counting {
    fn emit(&self, event: Event) {
        match event {
            Event::BytesMoved { bytes } => drop(self.moved.fetch_add(bytes as usize, Ordering::SeqCst)),
            Event::BytesTotal { total } => self.total.store(total as usize, Ordering::SeqCst),
            _ => {}
        }
    }
}

#[tokio::test]
async fn bytes_are_counted_and_altered_ones_refused() {
    let site = Site::new();
    let counting = Arc::new(Counting::default());
    site.executor(0, counting.clone()).execute(&whole_plan(&site)).await.unwrap();
    let counts = (counting.moved.load(Ordering::SeqCst), counting.total.load(Ordering::SeqCst));
    assert_eq!(counts, (2 * BYTES.len(), 2 * BYTES.len()));

    let wrong = vec![task("a", vec![site.tool("c", Digest::of(b"other"))])];
    let error =
        site.executor(0, silent()).execute(&plan(vec![stage("c", &[], Order::Parallel, wrong)])).await.unwrap_err();
    assert!(error.details()[0].contains("arrived as sha256:"), "{:?}", error.details());
    assert!(!std::fs::exists(site.path("c/tool")).unwrap());
}

#[tokio::test]
async fn a_host_without_a_session_is_refused_at_once() {
    let site = Site::new();
    let plan = plan(vec![stage("x", &[], Order::Parallel, vec![task("z", vec![])])]);
    let error = site.executor(0, silent()).execute(&plan).await.unwrap_err();
    assert_eq!(error.to_string(), "the plan cannot be run: it names the host z, to which there is no session");
}

/// Host b fails in the first stage; in the second, a does something for b, something else, and waits for whom it knows.
fn plan_with_a_weak_host(site: &Site) -> Plan {
    let fails = Part::command("Fail", "false", "false");
    let saw = site.path("saw");
    let all = vec![
        Step::new("test/for-b", "Do something for b", vec![site.append("log", "for-b")]).about("b"),
        Step::new("test/for-a", "Do something", vec![site.append("log", "for-a")]),
        Step::new(
            "test/wait",
            "Wait for all",
            vec![Part::command("Wait", format!("[ -s {saw} ]"), format!("echo \"$KK_LEFT_OUT\" >{saw}"))],
        ),
    ];
    plan(vec![
        stage("one", &[], Order::Parallel, vec![task("b", vec![fails])]),
        stage(
            "two",
            &["one"],
            Order::OneByOne,
            vec![task("b", vec![site.append("log", "b")]), Task::Host { host: "a".into(), steps: all }],
        ),
    ])
}

#[tokio::test]
async fn a_host_that_may_fail_is_left_out_and_the_others_go_on() {
    let site = Site::new();
    let spare = Spare { may_fail: ["b".to_owned()].into(), ..Spare::default() };
    let summary = site.executor(0, silent()).sparing(spare).execute(&plan_with_a_weak_host(&site)).await.unwrap();
    assert_eq!(Vec::from_iter(summary.left_out.keys()), ["b"]);
    assert!(summary.left_out["b"].contains("\"Do the work\" failed"), "{summary:?}");
    assert_eq!(std::fs::read_to_string(site.path("log")).unwrap(), "for-a\n");
    assert_eq!(std::fs::read_to_string(site.path("saw")).unwrap(), "b\n");
}

#[tokio::test]
async fn more_hosts_than_may_be_left_out_stop_the_run() {
    let site = Site::new();
    let spare = Spare { may_fail: ["b".to_owned()].into(), most: Some(0), ..Spare::default() };
    let outcome = site.executor(0, silent()).sparing(spare).execute(&plan_with_a_weak_host(&site)).await;
    assert!(matches!(outcome, Err(RunError::Failed { unfinished: 2, .. })), "{outcome:?}");
    assert!(!std::fs::exists(site.path("log")).unwrap());
}

#[tokio::test]
async fn a_plan_without_a_host_has_no_work_for_it_and_its_stages_stay() {
    let site = Site::new();
    let mut plan = plan_with_a_weak_host(&site);
    let out: std::collections::BTreeSet<String> = ["b".to_owned()].into();
    plan.without(&out);
    let spare = Spare { absent: out, ..Spare::default() };
    let summary = site.executor(0, silent()).sparing(spare).execute(&plan).await.unwrap();
    assert!(summary.left_out.is_empty());
    assert_eq!(std::fs::read_to_string(site.path("log")).unwrap(), "for-a\n");
    assert_eq!(std::fs::read_to_string(site.path("saw")).unwrap(), "b\n");
}
