//! Charts as Helm renders them, by the very `helm` that a bundle carries.
//!
//! Helm runs in a folder of its own, with nothing of the user's: neither settings nor plug-ins nor variables, and with
//! a proxy that leads nowhere, so that a chart which wants the network fails instead of getting it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::archive::first_line;

/// A chart that is not rendered by then never will be.
const PATIENCE: Duration = Duration::from_secs(120);
/// Rendered manifests are at most this long, in bytes: etcd holds no object above 1.5 MiB.
const LONGEST_OUTPUT: u64 = 64 << 20;
/// Of what Helm says when it fails, so many bytes are kept.
const LONGEST_COMPLAINT: u64 = 64 << 10;
/// The largest `helm` that is unpacked, in bytes.
const LARGEST_PROGRAM: u64 = 512 << 20;

/// Why a chart was not rendered.
#[derive(Debug, thiserror::Error)]
pub enum HelmError {
    #[error("helm cannot be unpacked")]
    Unpack(#[source] io::Error),
    #[error("the archive holds no helm")]
    NoProgram,
    #[error("helm cannot be run")]
    Run(#[source] io::Error),
    #[error("helm has not rendered it in {} s", PATIENCE.as_secs())]
    Slow,
    #[error("it renders to more than {} MiB", LONGEST_OUTPUT >> 20)]
    Long,
    #[error("helm cannot render it: {complaint}")]
    Refused { complaint: String },
}

/// A `helm` in a folder of its own, which goes when this is dropped.
#[derive(Debug)]
pub struct Helm {
    folder: TempDir,
    program: PathBuf,
}

/// How a chart is rendered.
#[derive(Clone, Debug, Default)]
pub struct Release<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    /// `v1.35.4`: charts ask for it.
    pub kubernetes: &'a str,
    /// Files of values, the later over the earlier.
    pub values: Vec<PathBuf>,
    /// `key=value`, over all files.
    pub set: Vec<String>,
}

impl Helm {
    /// Unpacks `helm` from its release archive, in which it lies in a folder named by its platform.
    pub fn unpack(archive: impl Read) -> Result<Self, HelmError> {
        let folder = tempfile::Builder::new().prefix("kk-helm-").tempdir().map_err(HelmError::Unpack)?;
        let program = folder.path().join("helm");
        let mut archive = tar::Archive::new(MultiGzDecoder::new(archive).take(2 * LARGEST_PROGRAM));
        for entry in archive.entries().map_err(HelmError::Unpack)? {
            let entry = entry.map_err(HelmError::Unpack)?;
            let path = entry.path().map_err(HelmError::Unpack)?.into_owned();
            if !entry.header().entry_type().is_file() || path.file_name().is_none_or(|name| name != "helm") {
                continue;
            }
            let mut file =
                File::options().write(true).create_new(true).mode(0o700).open(&program).map_err(HelmError::Unpack)?;
            io::copy(&mut entry.take(LARGEST_PROGRAM), &mut file).map_err(HelmError::Unpack)?;
            return Ok(Self { folder, program });
        }
        Err(HelmError::NoProgram)
    }

    /// Keeps bytes as a file beside `helm`, such as a chart's archive; gives its path.
    pub fn keep(&self, name: &str, mut bytes: impl Read) -> Result<PathBuf, HelmError> {
        // Names come from a bundle.
        let name: String = name.chars().map(|letter| if letter == '/' { '-' } else { letter }).collect();
        let path = self.folder.path().join(format!("kept-{name}"));
        let mut file = File::create(&path).map_err(HelmError::Unpack)?;
        io::copy(&mut bytes, &mut file).map_err(HelmError::Unpack)?;
        file.flush().map_err(HelmError::Unpack)?;
        Ok(path)
    }

    /// Everything that would be installed, as YAML: hooks and custom resource definitions too.
    pub async fn template(&self, chart: &Path, release: &Release<'_>) -> Result<String, HelmError> {
        let home = self.folder.path();
        let mut command = Command::new("/bin/sh");
        // What a template may take of memory and of the processor's time: 8 GiB of addresses, of which a Go program
        // touches a small part, and a minute.
        command.args(["-c", "ulimit -v 8388608; ulimit -t 60; exec \"$0\" \"$@\""]).arg(&self.program);
        command.arg("template").arg(release.name).arg(chart).arg("--include-crds");
        command.args(["--namespace", release.namespace, "--kube-version", release.kubernetes]);
        for file in &release.values {
            command.arg("--values").arg(file);
        }
        for pair in &release.set {
            command.args(["--set", pair]);
        }
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home).env("TMPDIR", home).current_dir(home);
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS"] {
            command.env(variable, home.join(variable));
        }
        for variable in ["HTTP_PROXY", "HTTPS_PROXY"] {
            command.env(variable, "http://127.0.0.1:9");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        match tokio::time::timeout(PATIENCE, run(command)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(HelmError::Slow),
        }
    }
}

async fn run(mut command: Command) -> Result<String, HelmError> {
    let mut child = command.spawn().map_err(HelmError::Run)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (output, complaint) = tokio::join!(
        async {
            let output = read(stdout, LONGEST_OUTPUT + 1).await.map(|(output, _)| output);
            // A chart that says too much is not listened to any longer.
            if output.as_ref().is_ok_and(|output| output.len() as u64 > LONGEST_OUTPUT) {
                let _ = child.start_kill();
            }
            output
        },
        async {
            let (complaint, rest) = read(stderr, LONGEST_COMPLAINT).await?;
            // What follows is passed over, so that the program does not wait for a reader.
            if let Some(mut rest) = rest {
                let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
            }
            Ok::<_, io::Error>(complaint)
        }
    );
    let (output, complaint) = (output.map_err(HelmError::Run)?, complaint.map_err(HelmError::Run)?);
    if output.len() as u64 > LONGEST_OUTPUT {
        return Err(HelmError::Long);
    }
    let status = child.wait().await.map_err(HelmError::Run)?;
    if !status.success() {
        let complaint = String::from_utf8_lossy(&complaint);
        let line = complaint.lines().find(|line| line.starts_with("Error:")).unwrap_or(&complaint);
        let line = line.strip_prefix("Error:").unwrap_or(line);
        let complaint = if line.trim().is_empty() { status.to_string() } else { first_line(line) };
        return Err(HelmError::Refused { complaint });
    }
    Ok(String::from_utf8_lossy(&output).into_owned())
}

/// At most so many bytes of a pipe, and the pipe.
async fn read<P: AsyncRead + Unpin>(pipe: Option<P>, limit: u64) -> io::Result<(Vec<u8>, Option<P>)> {
    let mut bytes = Vec::new();
    let Some(pipe) = pipe else { return Ok((bytes, None)) };
    let mut bounded = pipe.take(limit);
    bounded.read_to_end(&mut bytes).await?;
    Ok((bytes, Some(bounded.into_inner())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A release archive whose `helm` is this script.
    fn archive(script: &str) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(gzip);
        for (path, content) in [("linux-amd64/LICENSE", "text"), ("linux-amd64/helm", script)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o755);
            builder.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn rendered(script: &str) -> Result<String, HelmError> {
        let helm = Helm::unpack(archive(&format!("#!/bin/sh\n{script}\n")).as_slice()).unwrap();
        let chart = helm.keep("a/b.tgz", &b"chart"[..]).unwrap();
        let release = Release {
            name: "web",
            namespace: "shop",
            kubernetes: "v1.35.4",
            set: vec!["a=b".into()],
            ..Release::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(helm.template(&chart, &release))
    }

    #[test]
    fn helm_runs_with_nothing_of_the_users() {
        let text =
            rendered("echo \"$@\" | sed s,/[^\\ ]*/,,g; env | sed s,=.*,, | sort | tr '\\n' ' '; cat kept-*").unwrap();
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some("template web kept-a-b.tgz --include-crds --namespace shop --kube-version v1.35.4 --set a=b")
        );
        let rest = lines.next().unwrap();
        assert!(rest.ends_with("chart") && rest.contains("HELM_CONFIG_HOME") && !rest.contains("CARGO"), "{rest}");
    }

    #[test]
    fn what_helm_says_is_repeated() {
        let error = |script| rendered(script).unwrap_err().to_string();
        assert_eq!(
            error("echo Warning: x >&2; echo 'Error: no such value' >&2; exit 1"),
            "helm cannot render it: no such value"
        );
        assert_eq!(error("exit 3"), "helm cannot render it: exit status: 3");
        assert_eq!(error("head -c 68000000 /dev/zero"), "it renders to more than 64 MiB");
        assert!(matches!(Helm::unpack(&b"x"[..]), Err(HelmError::Unpack(_))));
        let empty = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let empty = empty.into_inner().unwrap().finish().unwrap();
        assert!(matches!(Helm::unpack(empty.as_slice()), Err(HelmError::NoProgram)));
    }
}
