//! A `kk artifact serve` process of its own for each test.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

pub struct Serving {
    child: Option<Child>,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// `127.0.0.1:PORT`
    pub address: String,
    pub port: u16,
    lines: Receiver<Value>,
}

impl Serving {
    pub fn of(bundle: &Path) -> Self {
        Self::with(bundle, &[])
    }

    pub fn with(bundle: &Path, arguments: &[&str]) -> Self {
        let mut all = vec!["artifact".to_owned(), "serve".into(), "-a".into(), bundle.display().to_string()];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        Self::asked(&all)
    }

    /// With all its arguments but for the port, which is a free one.
    pub fn asked(arguments: &[String]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kk"))
            .args(arguments)
            .args(["--output", "json", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { return };
                let _ = sender.send(serde_json::from_str(&line).unwrap_or(Value::Null));
            }
        });
        let mut serving = Self { child: Some(child), url: String::new(), address: String::new(), port: 0, lines };
        let ready = serving.line("url");
        serving.url = ready["url"].as_str().unwrap().to_owned();
        serving.address = ready["address"].as_str().unwrap().to_owned();
        serving.port = serving.address.rsplit_once(':').unwrap().1.parse().unwrap();
        serving
    }

    /// The next line of its output that has this field.
    pub fn line(&self, field: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60)).expect("a line with this field");
            if !line[field].is_null() {
                return line;
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// The most memory that it has held so far, in bytes (proc(5), VmHWM).
    pub fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Asks it to stop, as Ctrl-C does.
    pub fn stop(mut self) -> ExitStatus {
        let told = Command::new("kill").args(["-INT", &self.id().to_string()]).status().unwrap();
        assert!(told.success());
        self.child.take().unwrap().wait().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a program that must succeed wrote.
pub fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Reads a stream whose end may be missing.
pub fn read_some(mut reader: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut piece = [0u8; 65536];
    while let Ok(count @ 1..) = reader.read(&mut piece) {
        bytes.extend_from_slice(&piece[..count]);
    }
    bytes
}
