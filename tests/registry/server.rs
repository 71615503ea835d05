//! A registry process of its own for each test, stopped when the test ends.
//!
//! `KK_TEST_REGISTRY` names another registry program than Debian's, such as one of the distribution project's 3.x line.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kk::image::registry::{Patience, RegistryAccess};
use secrecy::SecretString;
use tempfile::TempDir;

pub const USER: &str = "kk";
pub const PASSWORD: &str = "right horse";

pub struct Server {
    child: Child,
    pub port: u16,
    pub directory: TempDir,
    pub ca_pem: Option<String>,
    tls: bool,
}

#[derive(Default)]
pub struct Options {
    /// HTTPS with a certificate of a CA made for the test, for `registry.test` and not for 127.0.0.1.
    pub tls: bool,
    /// Basic login as [`USER`] with [`PASSWORD`].
    pub login: bool,
    /// Further sections, word for word; an `auth:` section in place of the above.
    pub more: Option<String>,
}

impl Server {
    pub fn plain() -> Self {
        Self::start(&Options::default())
    }

    pub fn start(options: &Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let port = free_port();
        let mut config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n\
             http:\n  addr: 127.0.0.1:{port}\n  secret: test\n",
            root.join("data").display()
        );
        let mut ca_pem = None;
        if options.tls {
            ca_pem = Some(make_certificates(root));
            let (certificate, key) = (root.join("cert.pem"), root.join("key.pem"));
            config += &format!("  tls: {{certificate: {}, key: {}}}\n", certificate.display(), key.display());
        }
        if options.login {
            let hash = bcrypt::hash(PASSWORD, 4).unwrap();
            fs::write(root.join("htpasswd"), format!("{USER}:{hash}\n")).unwrap();
            config += &format!("auth: {{htpasswd: {{realm: kk, path: {}}}}}\n", root.join("htpasswd").display());
        }
        config += options.more.as_deref().unwrap_or_default();
        fs::write(root.join("config.yml"), config).unwrap();
        let log = fs::File::create(root.join("log")).unwrap();
        let program = std::env::var("KK_TEST_REGISTRY").unwrap_or_else(|_| "docker-registry".into());
        let child = Command::new(program)
            .arg("serve")
            .arg(root.join("config.yml"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("docker-registry is installed");
        let server = Self { child, port, directory, ca_pem, tls: options.tls };
        server.wait();
        server
    }

    fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < end, "the registry did not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How this registry is reached, without credentials.
    pub fn access(&self) -> RegistryAccess {
        let mut access = RegistryAccess { patience: quick(), ..Default::default() };
        if self.tls {
            access.host = format!("registry.test:{}", self.port);
            access.address = Some(Ipv4Addr::LOCALHOST.into());
            access.ca_pem = self.ca_pem.clone();
        } else {
            access.host = format!("127.0.0.1:{}", self.port);
            access.plain_http = true;
        }
        access
    }

    pub fn access_as(&self, username: &str, password: &str) -> RegistryAccess {
        RegistryAccess {
            username: Some(username.into()),
            password: Some(SecretString::from(password.to_string())),
            ..self.access()
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Patience for tests: what fails, fails soon.
pub fn quick() -> Patience {
    Patience {
        connect: Duration::from_secs(5),
        silence: Duration::from_secs(5),
        commit: Duration::from_secs(5),
        attempts: 3,
        first_pause: Duration::from_millis(10),
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

pub fn make_certificates(directory: &Path) -> String {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "Test CA");
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["registry.test".to_string()]).unwrap().signed_by(&key, &ca).unwrap();
    fs::write(directory.join("cert.pem"), leaf.pem()).unwrap();
    fs::write(directory.join("key.pem"), key.serialize_pem()).unwrap();
    ca.pem()
}
