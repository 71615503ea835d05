//! Hosts on which what a run has left behind is still at work: a script ends with the connection on which it came, but the
//! host does not know of that where the operator's machine lost its power or the network was cut.

use std::time::Duration;

use super::part::script::Places;
use super::{Machine, MachineError, Script, Word};

/// Longer than kubeadm may take for an upgrade, which is the longest command that changes what a host is.
pub const LIMIT: Duration = Duration::from_secs(1500);

/// Waits until no script of kk's changes the host, and no longer than `limit`.
///
/// # Errors
///
/// The host cannot be reached, or what is at work there has not ended by then.
pub async fn wait(machine: &dyn Machine, places: &Places, limit: Duration) -> Result<(), MachineError> {
    let seconds = limit.as_secs();
    let lock = format!("{}/lock", places.run);
    // Shared, as nothing is changed: two who wait do not wait for each other.
    let script = format!("flock -s -w {seconds} {} true", Word(&lock));
    let output = machine.run(&Script::calling(&script, limit + Duration::from_secs(30))).await?;
    if output.status == 0 {
        return Ok(());
    }
    Err(MachineError::Output {
        host: machine.name().to_string(),
        message: format!("what an earlier run has left at work there has not ended after {seconds} s"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::host::local::LocalShell;

    #[tokio::test]
    async fn what_is_at_work_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { run: folder.path().to_str().unwrap().to_owned(), ..Places::default() };
        let host = LocalShell::new("node1");
        wait(&host, &places, Duration::from_secs(5)).await.unwrap();

        let at_work = "echo begun; read -r end";
        let mut other = Command::new("flock")
            .args([&format!("{}/lock", places.run), "sh", "-c", at_work])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        other.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
        let error = wait(&host, &places, Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.to_string(), "node1: what an earlier run has left at work there has not ended after 1 s");

        drop(other.stdin.take());
        other.wait().unwrap();
        wait(&host, &places, Duration::from_secs(5)).await.unwrap();
    }
}
