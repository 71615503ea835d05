//! Files from host to host: two sessions to one sshd, whose folders are kept apart, play two hosts.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use kk::digest::Digest;
use kk::event::silent;
use kk::host::part::script::Places;
use kk::host::part::{Artifact, Part, Source};
use kk::host::ssh::Session;
use kk::host::{Machine, MachineError, Output, Script, Step};
use kk::plan::{Order, Plan, Stage, Task};
use kk::run::{Executor, Journal, Operator, Store, Summary};

use super::Login;
use super::sshd::{self, Sshd};

/// Large enough to be worth a peer.
const SIZE: u64 = (9 << 20) + 5;

/// Stands in paths where each host has its own folder.
const OWN: &str = "KK-OWN-FOLDER";

fn byte(seed: u8, index: u64) -> u8 {
    (index.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed
}

fn bytes(seed: u8) -> Vec<u8> {
    (0..SIZE).map(|index| byte(seed, index)).collect()
}

/// A bundle of two files, and how many bytes of it were read.
struct Counting(AtomicU64, [Vec<u8>; 2]);

impl Counting {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(0), [bytes(1), bytes(2)]))
    }

    /// How often one of the files has been read.
    fn files(&self) -> f64 {
        self.0.load(Ordering::SeqCst) as f64 / SIZE as f64
    }
}

struct Counted(Arc<Counting>, usize, usize);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&self.0.1[self.1][self.2..]).read(buffer)?;
        self.2 += count;
        self.0.0.fetch_add(count as u64, Ordering::SeqCst);
        Ok(count)
    }
}

struct Bundle(Arc<Counting>);

impl Store for Bundle {
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        let index = path.trim_start_matches("files/").parse().map_err(io::Error::other)?;
        Ok(Box::new(Counted(self.0.clone(), index, 0)))
    }
}

/// What is wrong with a host as a peer.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    None,
    /// What it keeps for others is not what it got.
    Lies,
    /// Nobody listens on the port that it tells.
    Away,
}

/// A host with a folder of its own on this machine.
struct Apart {
    session: Session,
    name: String,
    folder: PathBuf,
    flaw: Flaw,
}

impl Apart {
    fn own(&self, text: &str) -> String {
        text.replace(OWN, &self.name)
    }

    /// Puts other bytes in the place of those that are kept.
    fn lie(&self) {
        for run in std::fs::read_dir(self.folder.join(&self.name).join("state/peers")).unwrap() {
            for file in std::fs::read_dir(run.unwrap().path().join("files")).unwrap() {
                let path = file.unwrap().path();
                std::fs::remove_file(&path).unwrap();
                std::fs::File::create(&path).unwrap().write_all(&bytes(99)).unwrap();
            }
        }
    }
}

impl Machine for Apart {
    fn name(&self) -> &str {
        &self.name
    }

    fn peer_address(&self) -> Option<IpAddr> {
        self.session.peer_address()
    }

    fn run<'a>(&'a self, script: &'a Script) -> BoxFuture<'a, Result<Output, MachineError>> {
        Box::pin(async move {
            let text = self.own(script.expose());
            let mut output = self.session.run(&Script::new(text.clone(), script.timeout)).await?;
            if self.flaw == Flaw::Lies && text.contains("ln -f -- ") {
                self.lie();
            }
            if self.flaw == Flaw::Away && text.contains("the server did not start") {
                let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
                output.stdout = format!("{free}\n");
            }
            Ok(output)
        })
    }

    fn upload<'a>(
        &'a self,
        source: Box<dyn Read + Send>,
        size: u64,
        path: &'a str,
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move { self.session.upload(source, size, &self.own(path)).await })
    }

    fn download<'a>(
        &'a self,
        path: &'a str,
        size: u64,
        sink: Box<dyn Write + Send>,
    ) -> BoxFuture<'a, Result<Digest, MachineError>> {
        Box::pin(async move { self.session.download(&self.own(path), size, sink).await })
    }
}

/// Hosts that want both files of the bundle, and what runs on them.
struct Site {
    folder: tempfile::TempDir,
    bundle: Arc<Counting>,
    /// What is uploaded as the program: the real one is built without optimisation here, and ten times as large.
    program: PathBuf,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_kk"))).unwrap();
        Self { folder, bundle: Counting::new(), program }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    async fn execute(&self, login: &Login<'_>, hosts: &[(&str, Flaw)], order: Order) -> Summary {
        let mut machines: BTreeMap<String, Arc<dyn Machine>> = BTreeMap::new();
        for (name, flaw) in hosts {
            let folder = self.folder.path().to_owned();
            let machine = Apart { session: login.session().await, name: name.to_string(), folder, flaw: *flaw };
            machines.insert(name.to_string(), Arc::new(machine));
        }
        let places = Places {
            state: self.path(&format!("{OWN}/state")),
            run: self.path(&format!("{OWN}/run")),
            ..Places::default()
        };
        let parts: Vec<Part> = (0..2)
            .map(|index| {
                let sha256 = Digest::of(&self.bundle.1[index]);
                let source = Source { path: format!("files/{index}"), sha256, size: SIZE };
                let path = self.path(&format!("{OWN}/bin/{index}"));
                Part::Artifact(Artifact { path, source, mode: 0o755, owner: sshd::user() })
            })
            .collect();
        let tasks = hosts.iter().map(|(name, _)| Task::Host {
            host: name.to_string(),
            steps: vec![Step::new("test/step", "Do the work", parts.clone())],
        });
        let (name, title) = ("test".to_owned(), "Test".to_owned());
        let stage = Stage { name, title, after: vec![], order, tasks: tasks.collect() };
        let plan = Plan { cluster: "sample".into(), stages: vec![stage] };
        let operator = Operator { push: Box::new(|_, _| Box::pin(async { Ok(0) })) };
        let journal = Journal::begin(&self.folder.path().join("journal"), "test", None).unwrap();
        Executor::new(machines, Arc::new(Bundle(self.bundle.clone())), Arc::new(operator), journal, silent())
            .places(places)
            .peers(self.program.clone())
            .execute(&plan)
            .await
            .unwrap()
    }

    /// Every host has both files, and nothing else is left there.
    fn check(&self, hosts: &[(&str, Flaw)]) {
        for (name, _) in hosts {
            let folder = self.folder.path().join(name);
            for index in 0..2 {
                let path = folder.join("bin").join(index.to_string());
                assert!(std::fs::read(&path).unwrap() == self.bundle.1[index], "{}", path.display());
                assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
            }
            assert_eq!(std::fs::read_dir(folder.join("state/staging")).unwrap().count(), 0);
            assert_eq!(left(&folder.join("state/peers")), Vec::<PathBuf>::new());
        }
    }
}

/// What is left of the peers' folder; the servers' sessions end a moment after the run.
fn left(folder: &Path) -> Vec<PathBuf> {
    let begun = Instant::now();
    loop {
        let left: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        if left.is_empty() || begun.elapsed() > Duration::from_secs(5) {
            return left;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_passes_the_operators_link_once() {
    let sshd = Sshd::start("");
    let login = Login::new(&sshd);
    for order in [Order::Parallel, Order::OneByOne] {
        let site = Site::new();
        let hosts = [("a", Flaw::None), ("b", Flaw::None), ("c", Flaw::None)];
        let summary = site.execute(&login, &hosts, order).await;
        assert_eq!(summary.changed, 6);
        site.check(&hosts);
        assert_eq!(site.bundle.files(), 2.0);
        // The next run moves nothing.
        assert_eq!(site.execute(&login, &hosts, order).await.changed, 0);
        assert_eq!(site.bundle.files(), 2.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_lies_is_not_believed() {
    let sshd = Sshd::start("");
    let login = Login::new(&sshd);
    let site = Site::new();
    let hosts = [("a", Flaw::Lies), ("b", Flaw::None)];
    site.execute(&login, &hosts, Order::OneByOne).await;
    site.check(&hosts);
    assert_eq!(site.bundle.files(), 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_peer_is_away_the_operator_uploads() {
    let sshd = Sshd::start("");
    let login = Login::new(&sshd);
    let site = Site::new();
    let hosts = [("a", Flaw::Away), ("b", Flaw::None)];
    site.execute(&login, &hosts, Order::OneByOne).await;
    site.check(&hosts);
    assert_eq!(site.bundle.files(), 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_on_which_the_program_does_not_run_or_that_allow_one_session_are_no_peers() {
    let sshd = Sshd::start("");
    let site = Site::new();
    std::fs::write(&site.program, "#!/bin/sh\nexit 1\n").unwrap();
    let hosts = [("a", Flaw::None), ("b", Flaw::None)];
    site.execute(&Login::new(&sshd), &hosts, Order::Parallel).await;
    site.check(&hosts);
    assert_eq!(site.bundle.files(), 4.0);

    let sshd = Sshd::start("MaxSessions 1");
    let site = Site::new();
    site.execute(&Login::new(&sshd), &hosts, Order::Parallel).await;
    site.check(&hosts);
    assert!(site.bundle.files() >= 2.0);
}
