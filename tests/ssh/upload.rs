//! Bringing bytes to a host.

use std::io::{Cursor, Read};
use std::process::Command;
use std::time::{Duration, Instant};

use kk::host::{Machine, MachineError};

use crate::sshd::{Sshd, run, running_as_root, stdout};

#[tokio::test]
async fn a_file_arrives_whole() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let folder = tempfile::tempdir().unwrap();
    for size in [0u64, 1, 256 << 10, (40 << 20) + 17] {
        let path = folder.path().join(format!("a/b/{size}"));
        session.upload(Box::new(std::io::repeat(7).take(size)), size, path.to_str().unwrap()).await.unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len() as u64, size);
        assert!(bytes.iter().all(|byte| *byte == 7));
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let parent = std::fs::metadata(folder.path().join("a")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&parent) & 0o777, 0o755);
    assert_eq!(std::fs::read_dir(folder.path().join("a/b")).unwrap().count(), 4, "parts were left behind");
}

#[tokio::test]
async fn keys_are_exchanged_anew_while_a_file_is_on_its_way() {
    let sshd = Sshd::start("RekeyLimit 1M");
    let session = sshd.session().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    // Bytes that tell of any that is lost, doubled or out of place.
    let bytes: Vec<u8> = (0u32..8 << 20).flat_map(u32::to_le_bytes).collect();
    let size = bytes.len() as u64;
    session.upload(Box::new(Cursor::new(bytes.clone())), size, path.to_str().unwrap()).await.unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes);
}

#[tokio::test]
async fn a_source_that_is_too_short_too_long_or_broken() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("blob 3 is damaged"))
        }
    }
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let path = path.to_str().unwrap();
    let error = session.upload(Box::new(Cursor::new(vec![0; 9])), 10, path).await.unwrap_err();
    assert!(error.to_string().contains("9 bytes are there where 10 were announced"), "{error}");
    let error = session.upload(Box::new(Cursor::new(vec![0; 11])), 10, path).await.unwrap_err();
    assert!(error.to_string().contains("11 bytes are there where 10 were announced"), "{error}");
    let error = session.upload(Box::new(Broken), 10, path).await.unwrap_err();
    assert!(error.to_string().contains("blob 3 is damaged"), "{error}");
    let error = session.upload(Box::new(Cursor::new(vec![0; 9])), 9, "relative").await.unwrap_err();
    assert!(matches!(error, MachineError::Upload { .. }), "{error}");
    let error = session.upload(Box::new(Cursor::new(vec![0; 9])), 9, "/proc/kk/file").await.unwrap_err();
    assert!(error.to_string().contains("/proc/kk/file failed: mkdir: "), "{error}");
    // A part that an abandoned upload began is removed by the host itself.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_full_disk_is_said_at_once() {
    if !running_as_root() {
        println!("skipped: mounting a small tmpfs needs root");
        return;
    }
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let folder = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
        .arg(folder.path())
        .status()
        .unwrap()
        .success();
    if !mounted {
        println!("skipped: no tmpfs may be mounted here");
        return;
    }
    let path = folder.path().join("big");
    let started = Instant::now();
    let size = 1 << 30;
    let error = session.upload(Box::new(std::io::repeat(7).take(size)), size, path.to_str().unwrap()).await;
    let took = started.elapsed();
    let left = stdout(&session, &format!("ls -A {}", folder.path().display())).await;
    Command::new("umount").arg(folder.path()).status().unwrap();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("No space left on device"), "{error}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(left, "", "a part was left on a full disk");
}

#[tokio::test]
async fn a_lost_connection_ends_an_upload() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let upload = session.upload(Box::new(std::io::repeat(7).take(8 << 30)), 8 << 30, path.to_str().unwrap());
    let kill = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        run(&session, "kill -KILL $PPID; sleep 5").await
    };
    let (uploaded, _) = futures::future::join(upload, kill).await;
    assert!(matches!(uploaded, Err(MachineError::Lost { .. })), "{uploaded:?}");
    assert_eq!(stdout(&session, "echo again").await, "again\n");
}
