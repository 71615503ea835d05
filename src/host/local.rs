//! The machine that `kk` runs on, as a host. Tests run the engine over it.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Stdio;

use futures::future::BoxFuture;
use tokio::io::AsyncWriteExt;

use super::{Machine, MachineError, Output, Script};
use crate::digest::{Digest, Hasher};

/// The architecture of the program that runs, as Go names it.
pub fn own_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A shell on this machine, with the rights that `kk` has.
pub struct LocalShell {
    pub name: String,
    /// Program and arguments of a shell that reads its script from standard input.
    pub shell: Vec<String>,
}

impl LocalShell {
    /// This machine under the given name, with its `sh`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), shell: vec!["sh".into(), "-s".into()] }
    }

    fn lost(&self, error: &std::io::Error) -> MachineError {
        MachineError::Lost { host: self.name.clone(), reason: error.to_string() }
    }
}

impl Machine for LocalShell {
    fn name(&self) -> &str {
        &self.name
    }

    fn run<'a>(&'a self, script: &'a Script) -> BoxFuture<'a, Result<Output, MachineError>> {
        Box::pin(async move {
            let (program, arguments) = self.shell.split_first().ok_or_else(|| MachineError::Output {
                host: self.name.clone(),
                message: "no shell is named for this machine".into(),
            })?;
            let mut child = tokio::process::Command::new(program)
                .args(arguments)
                .env("LC_ALL", "C")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(|error| self.lost(&error))?;
            let stdin = child.stdin.take();
            let text = script.expose().as_bytes();
            let feed = async {
                if let Some(mut stdin) = stdin {
                    // A shell that ends early closes its input; its status says why.
                    let _ = stdin.write_all(text).await;
                }
            };
            let both = async { tokio::join!(feed, child.wait_with_output()).1 };
            let output = tokio::time::timeout(script.timeout, both)
                .await
                .map_err(|_| MachineError::Timeout { host: self.name.clone(), after: script.timeout })?
                .map_err(|error| self.lost(&error))?;
            Ok(Output {
                status: output.status.code().unwrap_or(-1),
                stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            })
        })
    }

    fn upload<'a>(
        &'a self,
        source: Box<dyn Read + Send>,
        size: u64,
        path: &'a str,
    ) -> BoxFuture<'a, Result<(), MachineError>> {
        Box::pin(async move {
            let target = PathBuf::from(path);
            let copied = tokio::task::spawn_blocking(move || write(source, &target)).await;
            let refuse = |reason: String| MachineError::Upload { host: self.name.clone(), path: path.into(), reason };
            match copied {
                Ok(Ok(count)) if count == size => Ok(()),
                Ok(Ok(count)) => Err(refuse(format!("{count} of {size} bytes arrived"))),
                Ok(Err(error)) => Err(refuse(error.to_string())),
                Err(error) => Err(refuse(error.to_string())),
            }
        })
    }

    fn download<'a>(
        &'a self,
        path: &'a str,
        size: u64,
        sink: Box<dyn Write + Send>,
    ) -> BoxFuture<'a, Result<Digest, MachineError>> {
        Box::pin(async move {
            let source = PathBuf::from(path);
            let copied = tokio::task::spawn_blocking(move || read(&source, size, sink)).await;
            let refuse = |reason: String| MachineError::Download { host: self.name.clone(), path: path.into(), reason };
            match copied {
                Ok(Ok(digest)) => Ok(digest),
                Ok(Err(error)) => Err(refuse(error.to_string())),
                Err(error) => Err(refuse(error.to_string())),
            }
        })
    }
}

fn read(source: &std::path::Path, size: u64, mut sink: Box<dyn Write + Send>) -> std::io::Result<Digest> {
    let mut file = std::fs::File::open(source)?.take(size.saturating_add(1));
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; 256 << 10];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            count => {
                hasher.update(&chunk[..count]);
                sink.write_all(&chunk[..count])?;
            }
        }
    }
    sink.flush()?;
    match hasher.finish() {
        measured if measured.size == size => Ok(measured.sha256),
        measured => Err(std::io::Error::other(format!("it has {} bytes or more, and not {size}", measured.size))),
    }
}

fn write(mut source: Box<dyn Read + Send>, target: &std::path::Path) -> std::io::Result<u64> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(target)?;
    std::io::copy(&mut source, &mut file)
}
