//! A connected world of two components and two images, and a folder to export from.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use kk::digest::Digest;
use kk::event::silent;
use kk::image::{Client, Pusher, Wanted};
use tempfile::TempDir;

use crate::fileserver::FileServer;
use crate::images::{self, Blobs, noise};
use crate::server::{Options, PASSWORD, Server, USER};

pub const HELM: &str = "/get.helm.sh/helm-v3.22.0-linux-amd64.tar.gz";
pub const DOCKER: &str = "/download.docker.com/linux/static/stable/x86_64/docker-28.0.0.tgz";
pub const HELM_BYTES: usize = 3_000_000;

pub const MANIFEST: &str = "apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Manifest
metadata: {name: small}
spec:
  arches: [amd64]
  components:
    helm: {version: v3.22.0}
    cri-dockerd: {version: v0.4.0}
    containerRuntimes: [{type: docker, version: 28.0.0}]
  images:
    - registry.test/team/app:v1
    - registry.test/team/other:v1
";

pub struct World {
    pub files: FileServer,
    pub registry: Server,
    pub folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        Self::with(&Options::default()).await
    }

    pub async fn with_login() -> Self {
        Self::with(&Options { login: true, ..Options::default() }).await
    }

    async fn with(options: &Options) -> Self {
        let files = FileServer::start().await;
        let helm = noise(1, HELM_BYTES);
        files.put(HELM, helm.clone());
        let sum = format!("{}  helm-v3.22.0-linux-amd64.tar.gz\n", Digest::of(&helm).hex());
        files.put(&format!("{HELM}.sha256sum"), sum);
        files.put(DOCKER, noise(2, 500_000));
        files.put("/github.com/Mirantis/cri-dockerd/releases/download/v0.4.0/cri-dockerd-0.4.0.amd64.tgz", "cri");
        let world = Self { files, registry: Server::start(options), folder: tempfile::tempdir().unwrap() };
        world.push("team/app", "v1", 10, &["amd64", "arm64"]).await;
        world.push("team/other", "v1", 20, &["amd64"]).await;
        world.write("manifest.yaml", MANIFEST);
        world
    }

    /// Pushes an image whose content follows from the seed.
    pub async fn push(&self, repository: &str, tag: &str, seed: u64, arches: &[&str]) {
        let client = Client::new(&self.registry.access_as(USER, PASSWORD)).unwrap();
        let mut blobs = Blobs::default();
        let image = images::indexed(&mut blobs, "x/y:z", seed, arches, 200_000);
        let wanted = Wanted { image: &image, repository: repository.into(), tag: Some(tag.into()) };
        Pusher::new(client, 2, silent()).push_image(&blobs, &wanted).await.unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// `kk` with these arguments, in the folder, with a cache there and the world as its mirror.
    pub fn kk(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kk"));
        let mirrors = format!("*={} registry.test=http://127.0.0.1:{}", self.files.base(), self.registry.port);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("KK_MIRROR", mirrors)
            .env("KK_CACHE", self.path("cache"))
            .env("HOME", self.folder.path())
            .env("DOCKER_CONFIG", self.path("docker"))
            .env_remove("HTTP_PROXY")
            .env_remove("http_proxy");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.kk(arguments).output().unwrap()
    }

    pub fn export(&self, arguments: &[&str]) -> Output {
        self.run(&[&["artifact", "export", "-m", "manifest.yaml"], arguments].concat())
    }
}

/// What a command that must succeed wrote to stdout.
pub fn success(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code and stderr of a command that must fail.
pub fn failure(output: Output) -> (i32, String) {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
}
