//! The images that kubeadm itself asks for, in its own words: the bundle's kubeadm is asked, in a folder of its own.
//! It connects to nothing, since the version is named.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::bundle::Inventory;
use crate::event::{Event, Events};
use crate::host::local::own_arch;
use crate::image::Reference;
use crate::jobs::rendered::Open;

/// kubeadm answers at once, or not at all.
const PATIENCE: Duration = Duration::from_secs(60);
/// Seven lines.
const LONGEST_ANSWER: u64 = 64 << 10;
/// The largest kubeadm that is run, in bytes.
const LARGEST_PROGRAM: u64 = 512 << 20;

/// What `kubeadm config images list` of this version says; `None` where the bundle has none that runs on this machine.
pub(super) async fn images(
    version: &str,
    inventory: &Inventory,
    open: &Open<'_>,
    events: &Events,
) -> Option<Vec<Reference>> {
    let component = inventory.component_at("kubeadm", version, own_arch())?;
    match ask(version, &component.entry.path, open).await {
        Ok(images) => Some(images),
        Err(error) => {
            let message = format!("The bundle's kubeadm does not say which images it asks for: {error}.");
            events.emit(Event::Warning { message });
            None
        }
    }
}

async fn ask(version: &str, path: &str, open: &Open<'_>) -> io::Result<Vec<Reference>> {
    let folder = tempfile::Builder::new().prefix("kk-kubeadm-").tempdir()?;
    let program = folder.path().join("kubeadm");
    let mut file = File::options().write(true).create_new(true).mode(0o700).open(&program)?;
    io::copy(&mut open(path)?.take(LARGEST_PROGRAM), &mut file)?;
    drop(file);
    let mut command = Command::new(&program);
    command.args(["config", "images", "list", "--kubernetes-version", version]);
    command.env_clear().env("HOME", folder.path()).env("PATH", "/usr/bin:/bin").current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let asking = async {
        let mut child = command.spawn()?;
        let mut answer = String::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(LONGEST_ANSWER).read_to_string(&mut answer).await?;
        }
        match child.wait().await? {
            status if status.success() => Ok(answer),
            status => Err(io::Error::other(status.to_string())),
        }
    };
    let answer =
        tokio::time::timeout(PATIENCE, asking).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    answer.lines().map(|line| line.trim().parse().map_err(io::Error::other)).collect()
}
