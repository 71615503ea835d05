//! The commands of docs/guide/images.md, as it shows them but for the addresses.

use kk::bundle::Spelling;

use crate::process::{Serving, run};
use crate::server::{Server, make_certificates};
use crate::world::World;

/// The arguments of a command that a page shows, as a shell reads them, with these texts replaced.
fn arguments(command: &str, replaced: &[(&str, &str)]) -> Vec<String> {
    let mut command = command.replace('\'', "");
    for (text, by) in replaced {
        command = command.replace(text, by);
    }
    command.split(' ').skip(1).map(str::to_owned).collect()
}

fn world() -> World {
    let world = World::new();
    std::fs::rename(world.bundle(Spelling::TarGz), world.path("kubekey-artifact.tar.gz")).unwrap();
    world
}

impl World {
    fn shown(&self, command: &str, replaced: &[(&str, &str)]) -> serde_json::Value {
        let arguments = arguments(command, replaced);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(arguments[..2], ["artifact", "images"]);
        self.result(&arguments[2..])
    }
}

#[test]
fn the_guides_images_are_listed_and_exported() {
    let world = world();
    let listed = world.shown("kk artifact images list -a kubekey-artifact.tar.gz 'registry.k8s.io/*'", &[]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let exported =
        world.shown("kk artifact images export -a kubekey-artifact.tar.gz --platform linux/amd64 -o images.tar", &[]);
    assert_eq!(exported["images"], 3);
}

#[test]
fn the_guides_images_are_pushed() {
    let world = world();
    let server = Server::plain();
    let registry = format!("127.0.0.1:{}", server.port);
    // The flag stands behind the folder.
    let mirror = format!("{registry}/mirror --plain-http");
    let to = [("registry.example.org/mirror", mirror.as_str())];
    let dry = world
        .shown("kk artifact images push -a kubekey-artifact.tar.gz --to registry.example.org/mirror --dry-run", &to);
    assert_eq!((dry["missing"].as_array().unwrap().len(), &dry["sent"]), (3, &0.into()));
    let pushed =
        world.shown("kk artifact images push -a kubekey-artifact.tar.gz --to registry.example.org/mirror", &to);
    assert_eq!(pushed["missing"], dry["missing"]);

    std::fs::write(
        world.path("cluster.yaml"),
        format!(
            "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Cluster\nmetadata: {{name: sample}}\nspec:\n  \
             hosts: [{{name: node1, address: 198.51.100.11, user: root, password: secret}}]\n  \
             roleGroups: {{etcd: [node1], control-plane: [node1], worker: [node1]}}\n  \
             kubernetes: {{version: v1.35.4}}\n  network: {{plugin: flannel}}\n  \
             registry: {{privateRegistry: \"{registry}\", auths: {{\"{registry}\": {{plainHTTP: true}}}}}}\n"
        ),
    )
    .unwrap();
    let pushed = world.shown("kk artifact images push -a kubekey-artifact.tar.gz -f cluster.yaml", &[]);
    assert_eq!(
        (pushed["registry"].as_str(), pushed["missing"].as_array().unwrap().len()),
        (Some(registry.as_str()), 3)
    );
}

#[test]
fn the_guides_registry_answers() {
    let world = world();
    for (command, address) in [
        ("kk artifact serve -a kubekey-artifact.tar.gz", ""),
        (
            "kk artifact serve -a kubekey-artifact.tar.gz --listen 198.51.100.7:5000 --tls-cert serve.crt --tls-key serve.key",
            "198.51.100.7:5000",
        ),
    ] {
        make_certificates(world.folder.path());
        for (from, to) in [("cert.pem", "serve.crt"), ("key.pem", "serve.key")] {
            std::fs::copy(world.path(from), world.path(to)).unwrap();
        }
        // A port that is free stands in for the one that the page names or leaves to the default.
        let place = |file: &str| world.path(file).display().to_string();
        let (bundle, certificate, key) = (place("kubekey-artifact.tar.gz"), place("serve.crt"), place("serve.key"));
        let replaced = [("kubekey-artifact.tar.gz", bundle.as_str()), ("serve.crt", &certificate), ("serve.key", &key)];
        let arguments: Vec<String> = arguments(command, &replaced)
            .into_iter()
            .filter(|argument| argument != "--listen" && (address.is_empty() || argument != address))
            .collect();
        let serving = Serving::asked(&arguments);
        let listed = format!("docker://{}/registry.k8s.io/pause", serving.address);
        run("skopeo", &["list-tags", "--tls-verify=false", &listed]);
    }
}
