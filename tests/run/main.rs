//! The engine against a real sshd on 127.0.0.1: whole steps, a connection that is cut, a disk that is full.

#[allow(dead_code, reason = "shared with the tests of the sessions, which need more of it")]
#[path = "../ssh/sshd.rs"]
mod sshd;

mod peers;
mod upload;

/// As in the program itself: what is measured here should be what it does.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use kk::digest::Digest;
use kk::event::silent;
use kk::host::part::script::Places;
use kk::host::part::{Artifact, Block, Part, Source};
use kk::host::ssh::{Session, Target};
use kk::host::{Machine, Step};
use kk::plan::{Order, Plan, Stage, Task};
use kk::run::{Executor, Journal, Operator, RunError, Store, Summary};
use sshd::{Sshd, SystemUser, running_as_root};

struct Zeros(u64);

impl Store for Zeros {
    fn open(&self, _path: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(vec![0u8; self.0 as usize])))
    }
}

const SIZE: u64 = 3_000_000;

fn tool(path: &Path, size: u64) -> Part {
    let source = Source { path: "files/tool".into(), sha256: Digest::of(&vec![0u8; size as usize]), size };
    Part::Artifact(Artifact { path: path.display().to_string(), source, mode: 0o755, owner: sshd::user() })
}

async fn execute(folder: &Path, session: Session, parts: Vec<Part>) -> Result<Summary, RunError> {
    let machines = BTreeMap::from([("node1".to_owned(), Arc::new(session) as Arc<dyn Machine>)]);
    let inside = |name: &str| folder.join(name).display().to_string();
    // As on real hosts, these are not on the disk that fills up.
    let elsewhere = tempfile::tempdir().unwrap();
    let places = Places { state: inside("state"), run: elsewhere.path().display().to_string(), ..Places::default() };
    let journal = Journal::begin(elsewhere.path(), "test", None)?;
    let operator = Operator { push: Box::new(|_, _| Box::pin(async { Ok(0) })) };
    let steps = vec![Step::new("test/step", "Do the work", parts)];
    let stage = Stage {
        name: "test".into(),
        title: "Test".into(),
        after: vec![],
        order: Order::Parallel,
        tasks: vec![Task::Host { host: "node1".into(), steps }],
    };
    let plan = Plan { cluster: "sample".into(), stages: vec![stage] };
    Executor::new(machines, Arc::new(Zeros(SIZE)), Arc::new(operator), journal, silent())
        .places(places)
        .execute(&plan)
        .await
}

/// Root's own login with a key, as often as it is wanted.
struct Login<'a> {
    sshd: &'a Sshd,
    target: Target,
}

impl<'a> Login<'a> {
    fn new(sshd: &'a Sshd) -> Self {
        let key = sshd.authorised_key("id", &["-t", "ed25519"]);
        Self { target: Target { private_key_path: Some(key), ..sshd.target(&sshd::user()) }, sshd }
    }

    async fn session(&self) -> Session {
        self.sshd.connect(&self.target).await.unwrap()
    }
}

fn parts(folder: &Path) -> Vec<Part> {
    let flag = folder.join("flag").display().to_string();
    vec![
        tool(&folder.join("bin/tool"), SIZE),
        Part::Block(Block {
            path: folder.join("hosts").display().to_string(),
            marker: "hosts".into(),
            content: "10.0.0.1 node1\n".into(),
        }),
        Part::command("Raise the flag", format!("[ -e '{flag}' ]"), format!("touch '{flag}'")),
    ]
}

#[tokio::test]
async fn a_step_holds_after_one_run_as_root_and_through_sudo() {
    let sshd = Sshd::start("");
    let login = Login::new(&sshd);
    let folder = tempfile::tempdir().unwrap();
    let first = execute(folder.path(), login.session().await, parts(folder.path())).await.unwrap();
    let second = execute(folder.path(), login.session().await, parts(folder.path())).await.unwrap();
    assert_eq!((first.changed, second.changed, second.held), (3, 0, 3));

    let Some(user) = SystemUser::create("run", "pass word", Some("USER ALL=(ALL) ALL")) else { return };
    let target = Target { password: Some("pass word".into()), ..sshd.target(&user.name) };
    let folder = tempfile::tempdir().unwrap();
    for expected in [3, 0] {
        let session = sshd.connect(&target).await.unwrap();
        let summary = execute(folder.path(), session, parts(folder.path())).await.unwrap();
        assert_eq!(summary.changed, expected);
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_in_the_middle_is_taken_up_again() {
    let sshd = Sshd::start("");
    let login = Login::new(&sshd);
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name).display().to_string();
    let (cut, done) = (inside("cut"), inside("done"));
    // The first time, the command kills the sshd that serves it; then it is slow to end.
    let apply = format!(
        "[ -e {cut} ] || {{\n\
         touch {cut}\n\
         pid=$$\n\
         until [ \"$(cat /proc/$pid/comm)\" = sshd ]; do pid=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$pid/status); done\n\
         kill -KILL $pid\n\
         sleep 1\n\
         }}\n\
         echo done >>{done}"
    );
    let command = Part::command("Cut the line", format!("[ -e {done} ]"), apply);
    let mut parts = parts(folder.path());
    parts.push(command);
    let summary = execute(folder.path(), login.session().await, parts.clone()).await.unwrap();
    assert_eq!(summary.hosts["node1"].changed + summary.hosts["node1"].held, 4);
    assert_eq!(std::fs::read_to_string(&done).unwrap(), "done\n");
    assert_eq!(execute(folder.path(), login.session().await, parts).await.unwrap().changed, 0);
}

/// A file system of 2 MiB, unmounted when the test ends.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = running_as_root()
            && Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=2m", "none"])
                .arg(folder.path())
                .output()
                .is_ok_and(|output| output.status.success());
        if !mounted {
            println!("skipped: mounting a small disk is not allowed here");
        }
        mounted.then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_named_and_room_heals_it() {
    let Some(disk) = SmallDisk::mount() else { return };
    let folder = disk.0.path();
    let sshd = Sshd::start("");
    let login = Login::new(&sshd);

    // No room for the upload: told before a byte is sent.
    let error = execute(folder, login.session().await, vec![tool(&folder.join("tool"), SIZE)]).await.unwrap_err();
    let told = error.details().join("\n");
    assert!(told.contains("MiB free and 6 MiB are needed"), "{told}");
    assert!(error.hints()[0].starts_with("Free some space on node1"), "{:?}", error.hints());

    // No room for a file: the old one stays whole.
    let path = folder.join("file");
    std::fs::write(&path, "old").unwrap();
    let large = Part::file(path.display().to_string(), "x".repeat(1_500_000));
    let filler = folder.join("filler");
    std::fs::write(&filler, vec![0u8; 1_000_000]).unwrap();
    let error = execute(folder, login.session().await, vec![large.clone()]).await.unwrap_err();
    assert!(error.details()[0].contains("No space left on device"), "{:?}", error.details());
    assert!(error.hints()[0].starts_with("Free some space on node1"), "{:?}", error.hints());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");

    std::fs::remove_file(filler).unwrap();
    execute(folder, login.session().await, vec![large]).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 1_500_000);
}
