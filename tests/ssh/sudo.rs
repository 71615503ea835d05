//! Becoming root through sudo.

use std::time::Duration;

use kk::host::ssh::{Session, Target};
use kk::host::{Machine, MachineError, Script};

use crate::sshd::{Sshd, SystemUser, run, stdout};

const SETTINGS: &str = "PasswordAuthentication yes\nKbdInteractiveAuthentication no\nUsePAM no";

fn sudo_error(result: Result<Session, MachineError>) -> (String, String) {
    match result {
        Err(MachineError::Sudo { message, hint, .. }) => (message, hint.unwrap_or_default()),
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it became root"),
    }
}

fn target(sshd: &Sshd, user: &SystemUser, password: &str) -> Target {
    Target { password: Some(password.into()), ..sshd.target(&user.name) }
}

#[tokio::test]
async fn with_and_without_a_password() {
    for (suffix, rule) in [
        ("free", "USER ALL=(ALL) NOPASSWD: ALL"),
        ("word", "USER ALL=(ALL) ALL\nDefaults:USER lecture=always"),
        ("pty", "USER ALL=(ALL) ALL\nDefaults:USER !use_pty, timestamp_timeout=60"),
    ] {
        let Some(user) = SystemUser::create(suffix, "s3cret", Some(rule)) else { return };
        // What a login shell prints is no part of any answer.
        std::fs::write(user.home().join(".bashrc"), "echo noise\necho more noise >&2\n").unwrap();
        let sshd = Sshd::start(SETTINGS);
        let session = sshd.connect(&target(&sshd, &user, "s3cret")).await.unwrap();
        for _ in 0..2 {
            let output = run(&session, "id -u; echo $HOME; echo said >&2; cat").await.unwrap();
            assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("0\n/root\n", "said\n"), "{suffix}");
        }
        let seen = stdout(&session, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").await;
        assert!(!seen.contains("s3cret"), "a password in the process list");
        let mark = sshd.folder.path().join("mark");
        let slow = Script::new(format!("sleep 2; touch {}", mark.display()), Duration::from_secs(1));
        assert!(matches!(session.run(&slow).await, Err(MachineError::Timeout { .. })));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!mark.exists(), "{suffix}: the script went on");
    }
}

#[tokio::test]
async fn uploads_through_sudo() {
    for (suffix, rule) in [("upfree", "USER ALL=(ALL) NOPASSWD: ALL"), ("upword", "USER ALL=(ALL) ALL")] {
        let Some(user) = SystemUser::create(suffix, "s3cret", Some(rule)) else { return };
        let sshd = Sshd::start(SETTINGS);
        let session = sshd.connect(&target(&sshd, &user, "s3cret")).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new folder/it's a file");
        let text = "payload\n".repeat(100_000);
        let size = text.len() as u64;
        let bytes = std::io::Cursor::new(text.clone().into_bytes());
        session.upload(Box::new(bytes), size, path.to_str().unwrap()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let quoted = kk::host::quote(path.to_str().unwrap());
        assert_eq!(stdout(&session, &format!("stat -c '%U %a' {quoted}")).await, "root 600\n");
        let left = stdout(&session, &format!("find /var/tmp /tmp -maxdepth 1 -user {} | wc -l", user.name)).await;
        assert_eq!(left, "0\n", "{suffix}: something was left behind");
        let short = std::io::Cursor::new(vec![1; 10]);
        let error = session.upload(Box::new(short), 11, path.to_str().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("10 bytes are there where 11 were announced"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "the file that was there is still there");
    }
}

#[tokio::test]
async fn refusals() {
    let Some(user) = SystemUser::create("ask", "s3cret", Some("USER ALL=(ALL) ALL\nDefaults:USER rootpw")) else {
        return;
    };
    let sshd = Sshd::start(SETTINGS);
    let (message, hint) = sudo_error(sshd.connect(&target(&sshd, &user, "s3cret")).await);
    assert_eq!(message, format!("sudo did not accept the password of {}", user.name));
    assert!(hint.contains("`password`"), "{hint}");
    // One wrong password is one failure, not three.
    assert!(!sshd.log.lock().unwrap().contains("3 incorrect"));

    let Some(user) = SystemUser::create("nosudo", "s3cret", None) else { return };
    let (message, hint) = sudo_error(sshd.connect(&target(&sshd, &user, "s3cret")).await);
    assert_eq!(message, format!("sudo does not let {} become root", user.name));
    assert!(hint.contains("ALL=(ALL) ALL"), "{hint}");

    let rule = "USER ALL=(ALL) NOPASSWD: ALL\nDefaults:USER requiretty";
    let Some(user) = SystemUser::create("tty", "s3cret", Some(rule)) else { return };
    let (message, hint) = sudo_error(sshd.connect(&target(&sshd, &user, "s3cret")).await);
    assert!(message.contains("requiretty"), "{message}");
    assert!(hint.contains("!requiretty"), "{hint}");

    let Some(user) = SystemUser::create("key", "s3cret", Some("USER ALL=(ALL) ALL")) else { return };
    let key = sshd.authorised_key("id", &["-t", "ed25519"]);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(sshd.folder.path(), open).unwrap();
    let keyed = Target { private_key_path: Some(key), ..sshd.target(&user.name) };
    let (message, hint) = sudo_error(sshd.connect(&keyed).await);
    assert_eq!(message, format!("sudo wants a password for {}, and none is given", user.name));
    assert!(hint.contains("NOPASSWD"), "{hint}");
}
