//! The scripts, run for real under dash and under bash, over a temporary folder.

mod heavy;
mod interrupted;
mod light;
mod unit;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::script::{
    Marker, Outcome, Places, Verdict, apply_script, check_script, read_apply, read_check, staging_script,
};
use super::*;
use crate::host::Step;

/// A piece of a host: a folder, a shell, and the scripts' own places in the folder.
pub struct Ground {
    folder: tempfile::TempDir,
    shell: Vec<&'static str>,
    places: Places,
    owner: String,
}

/// Runs a test under both shells.
pub fn under_both(test: impl Fn(&Ground)) {
    for shell in [vec!["dash", "-s"], vec!["bash", "--posix", "-s"]] {
        test(&Ground::new(shell));
    }
}

impl Ground {
    fn new(shell: Vec<&'static str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let places = Places {
            state: inside("state"),
            run: inside("run"),
            path: format!("{}:{}", inside("bin"), Places::default().path),
            left_out: String::new(),
        };
        let owner = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        Self { places, folder, shell, owner: owner.trim().to_owned() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), content).unwrap();
    }

    pub fn file(&self, name: &str, content: &str) -> Part {
        Part::File(File {
            path: self.text(name),
            content: Content::Plain(content.into()),
            mode: 0o640,
            owner: self.owner.clone(),
        })
    }

    pub fn spawn(&self, script: &str) -> std::process::Child {
        use std::os::unix::process::CommandExt;
        let mut child = Command::new(self.shell[0])
            .args(&self.shell[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        child
    }

    /// Status, stdout, stderr.
    pub fn run(&self, script: &str) -> (i32, String, String) {
        let output = self.spawn(script).wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    pub fn check(&self, step: &Step) -> Vec<Verdict> {
        let marker = Marker::random();
        let (status, stdout, stderr) = self.run(&check_script(step, &self.places, &marker));
        assert_eq!((status, stderr.as_str()), (0, ""), "{stdout}");
        read_check(step, &marker, &stdout).unwrap()
    }

    pub fn holds(&self, step: &Step) -> bool {
        self.check(step).iter().all(|verdict| *verdict == Verdict::Holds)
    }

    /// Checks, applies what differs, and says what was done and what was complained of.
    pub fn apply(&self, step: &Step) -> (Vec<(usize, Outcome)>, String) {
        let marker = Marker::random();
        let (_, stdout, stderr) = self.run(&self.apply_text(step, &marker));
        (read_apply(step, &marker, &stdout), stderr)
    }

    pub fn apply_text(&self, step: &Step, marker: &Marker) -> String {
        let verdicts = self.check(step);
        let differing: Vec<usize> = (0..verdicts.len()).filter(|index| verdicts[*index] != Verdict::Holds).collect();
        apply_script(step, &differing, &self.places, marker)
    }

    /// Applies, and insists that every part was changed and holds now.
    pub fn make_hold(&self, step: &Step) {
        let (outcomes, stderr) = self.apply(step);
        let expected: Vec<_> = (0..step.parts.len()).map(|index| (index, Outcome::Changed)).collect();
        assert_eq!(outcomes, expected, "{stderr}");
        assert!(self.holds(step));
    }

    pub fn upload(&self, source: &Source, bytes: &[u8]) {
        let (status, _, stderr) = self.run(&staging_script(&[source], &self.places));
        assert_eq!(status, 0, "{stderr}");
        std::fs::write(self.places.upload_path(source), bytes).unwrap();
    }
}

pub fn step(parts: Vec<Part>) -> Step {
    Step::new("test/step", "Test", parts)
}
