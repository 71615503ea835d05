//! Fetching bytes from a host.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kk::digest::Digest;
use kk::host::{Machine, MachineError};

use crate::sshd::{Sshd, SystemUser, run, stdout};

/// What arrived, for the test to look at.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<u8>>>);

impl Write for Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_file_comes_whole_with_its_digest() {
    // Keys are exchanged anew while the file is on its way.
    let sshd = Sshd::start("RekeyLimit 1M");
    let session = sshd.session().await;
    let folder = tempfile::tempdir().unwrap();
    for count in [0u32, 1, 10 << 20] {
        let bytes: Vec<u8> = (0..count).flat_map(u32::to_le_bytes).collect();
        let path = folder.path().join(format!("it's {count}"));
        std::fs::write(&path, &bytes).unwrap();
        let taken = Taken::default();
        let sink = Box::new(taken.clone());
        let digest = session.download(path.to_str().unwrap(), bytes.len() as u64, sink).await.unwrap();
        assert!(*taken.0.lock().unwrap() == bytes, "{count}");
        assert_eq!(digest, Digest::of(&bytes));
    }
}

#[tokio::test]
async fn what_cannot_be_fetched_says_why() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, [7; 10]).unwrap();
    let path = path.to_str().unwrap();
    let mut told = Vec::new();
    for (path, size) in [(path, 9), (path, 11), ("/nothing/here", 1), ("relative", 1)] {
        let error = session.download(path, size, Box::new(io::sink())).await.unwrap_err();
        assert!(matches!(error, MachineError::Download { .. }), "{error:?}");
        told.push(error.to_string().replace(folder.path().to_str().unwrap(), ""));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    node1: reading /file failed: it has 10 bytes, and not 9
    node1: reading /file failed: it has 10 bytes, and not 11
    node1: reading /nothing/here failed: there is no such file
    node1: reading relative failed: it is not an absolute path
    ");
}

#[tokio::test]
async fn a_sink_that_fails_ends_it_and_the_session_goes_on() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            match self.0 > 1 << 20 {
                true => Err(io::Error::other("No space left on device")),
                false => Ok(bytes.len()),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse");
    std::fs::File::create(&path).unwrap().set_len(4 << 30).unwrap();
    let started = Instant::now();
    let error = session.download(path.to_str().unwrap(), 4 << 30, Box::new(Full(0))).await.unwrap_err();
    assert!(error.to_string().ends_with("failed: No space left on device"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(stdout(&session, "echo again").await, "again\n");
}

#[tokio::test]
async fn a_lost_connection_ends_a_download() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse");
    std::fs::File::create(&path).unwrap().set_len(64 << 30).unwrap();
    let download = session.download(path.to_str().unwrap(), 64 << 30, Box::new(io::sink()));
    let kill = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        run(&session, "kill -KILL $PPID; sleep 5").await
    };
    let (downloaded, _) = futures::future::join(download, kill).await;
    assert!(matches!(downloaded, Err(MachineError::Lost { .. })), "{downloaded:?}");
    assert_eq!(stdout(&session, "echo again").await, "again\n");
}

#[tokio::test]
async fn through_sudo_and_a_noisy_login_shell() {
    for (suffix, rule) in [("downfree", "USER ALL=(ALL) NOPASSWD: ALL"), ("downword", "USER ALL=(ALL) ALL")] {
        let Some(user) = SystemUser::create(suffix, "s3cret", Some(rule)) else { return };
        std::fs::write(user.home().join(".bashrc"), "echo noise\n").unwrap();
        let sshd = Sshd::start("PasswordAuthentication yes\nKbdInteractiveAuthentication no\nUsePAM no");
        let target = kk::host::ssh::Target { password: Some("s3cret".into()), ..sshd.target(&user.name) };
        let session = sshd.connect(&target).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root's alone");
        let bytes = b"payload\n".repeat(100_000);
        std::fs::write(&path, &bytes).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let taken = Taken::default();
        let sink = Box::new(taken.clone());
        let digest = session.download(path.to_str().unwrap(), bytes.len() as u64, sink).await.unwrap();
        assert_eq!(digest, Digest::of(&bytes));
        assert!(*taken.0.lock().unwrap() == bytes, "{suffix}");
    }
}
