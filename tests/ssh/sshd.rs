//! A real sshd of the test's own on 127.0.0.1, and system users for it.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kk::host::ssh::{HostKeyPolicy, KnownHosts, Options, Session, Target};
use kk::host::{Machine, MachineError, Output, Script};

/// An sshd that ends with the test.
pub struct Sshd {
    pub port: u16,
    pub folder: tempfile::TempDir,
    child: Child,
    pub log: Arc<Mutex<String>>,
}

impl Sshd {
    /// Starts sshd with a fresh ed25519 host key and these further settings.
    pub fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        keygen(&folder.path().join("host_ed25519"), &["-t", "ed25519"]);
        Self::start_in(folder, "host_ed25519", settings)
    }

    /// Starts sshd with this host key of the folder.
    pub fn start_in(folder: tempfile::TempDir, host_key: &str, settings: &str) -> Self {
        if running_as_root() {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.path().join("sshd_config");
        std::fs::write(
            &config,
            format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {0}/{host_key}\nPidFile none\nStrictModes no\n\
                 AuthorizedKeysFile {0}/authorized_keys\nPermitRootLogin yes\n{settings}\n",
                folder.path().display()
            ),
        )
        .unwrap();
        let mut child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sshd (Debian: openssh-server) is needed for these tests");
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, sink) = (child.stderr.take().unwrap(), log.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = sink.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let sshd = Self { port, folder, child, log };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return sshd;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("sshd did not start: {}", sshd.log.lock().unwrap());
    }

    /// Makes a key pair, authorises it, and returns the path of the private half.
    pub fn authorised_key(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let path = self.folder.path().join(name);
        keygen(&path, arguments);
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        let list = self.folder.path().join("authorized_keys");
        let known = std::fs::read_to_string(&list).unwrap_or_default();
        std::fs::write(&list, known + &public).unwrap();
        path
    }

    /// A target with no way to log in yet.
    pub fn target(&self, user: &str) -> Target {
        Target {
            name: "node1".into(),
            address: "127.0.0.1".into(),
            port: self.port,
            internal: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            user: user.into(),
            password: None,
            private_key: None,
            private_key_path: None,
            private_key_passphrase: None,
            identity_files: Vec::new(),
            via: Vec::new(),
            timeout: Duration::from_secs(20),
        }
    }

    /// Known hosts that learn, kept in the folder.
    pub fn known_hosts(&self, policy: HostKeyPolicy) -> Arc<KnownHosts> {
        Arc::new(KnownHosts::new(Vec::new(), self.folder.path().join("site/known_hosts"), policy))
    }

    /// A session for the user of the test with a key of the usual kind.
    pub async fn session(&self) -> Session {
        let key = self.authorised_key("id_session", &["-t", "ed25519"]);
        let target = Target { private_key_path: Some(key), ..self.target(&user()) };
        self.connect(&target).await.unwrap()
    }

    /// Kills what serves the connections that stand; the daemon goes on.
    pub fn cut(&self) {
        let mut left = children(self.child.id());
        while let Some(process) = left.pop() {
            left.extend(children(process));
            let _ = Command::new("kill").args(["-9", &process.to_string()]).stderr(Stdio::null()).status();
        }
    }

    /// How often somebody has logged in.
    pub fn logins(&self) -> usize {
        self.log.lock().unwrap().matches("Accepted publickey").count()
    }

    pub async fn connect(&self, target: &Target) -> Result<Session, MachineError> {
        Session::connect(target, &self.known_hosts(HostKeyPolicy::AcceptNew), &Options::default()).await
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A system user that is deleted when the test ends.
pub struct SystemUser {
    pub name: String,
}

/// useradd takes a lock and does not wait for it.
static USERS: Mutex<()> = Mutex::new(());

impl SystemUser {
    /// Makes `kk-test-<suffix>` with this password and these lines in sudoers (`USER` is its name). `None`, with a
    /// printed reason, where the tests do not run as root.
    pub fn create(suffix: &str, password: &str, sudoers: Option<&str>) -> Option<Self> {
        if !running_as_root() {
            println!("skipped: making a system user for the test needs root");
            return None;
        }
        let _turn = USERS.lock().unwrap_or_else(|error| error.into_inner());
        let user = Self { name: format!("kk-test-{suffix}") };
        let _ = Command::new("userdel").args(["-r", &user.name]).stderr(Stdio::null()).status();
        assert!(Command::new("useradd").args(["-m", "-s", "/bin/bash", &user.name]).status().unwrap().success());
        let mut chpasswd = Command::new("chpasswd").stdin(Stdio::piped()).spawn().unwrap();
        use std::io::Write;
        chpasswd.stdin.take().unwrap().write_all(format!("{}:{password}\n", user.name).as_bytes()).unwrap();
        assert!(chpasswd.wait().unwrap().success());
        if let Some(lines) = sudoers {
            std::fs::write(user.sudoers(), format!("{}\n", lines.replace("USER", &user.name))).unwrap();
        }
        Some(user)
    }

    pub fn home(&self) -> PathBuf {
        Path::new("/home").join(&self.name)
    }

    fn sudoers(&self) -> PathBuf {
        Path::new("/etc/sudoers.d").join(&self.name)
    }
}

impl Drop for SystemUser {
    fn drop(&mut self) {
        let _turn = USERS.lock().unwrap_or_else(|error| error.into_inner());
        let _ = std::fs::remove_file(self.sudoers());
        let _ = Command::new("userdel").args(["-r", "-f", &self.name]).stderr(Stdio::null()).status();
    }
}

fn children(process: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

pub fn running_as_root() -> bool {
    user() == "root"
}

/// The name of the user who runs the tests.
pub fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_string()
}

pub fn keygen(path: &Path, arguments: &[&str]) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-C", "test", "-f"]).arg(path).args(arguments);
    if !arguments.contains(&"-N") {
        command.args(["-N", ""]);
    }
    assert!(command.status().unwrap().success());
}

/// Runs a script that may take 20 s.
pub async fn run(session: &Session, script: &str) -> Result<Output, MachineError> {
    session.run(&Script::new(script, Duration::from_secs(20))).await
}

/// Runs a script that must succeed.
pub async fn stdout(session: &Session, script: &str) -> String {
    let output = run(session, script).await.unwrap();
    assert_eq!(output.status, 0, "{}", output.stderr);
    output.stdout
}
