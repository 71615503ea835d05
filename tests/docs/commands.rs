//! Every command that a page shows: a `kk` that parses and is run somewhere, a script that is there, or a program that
//! readers have.

mod line;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Parser;

use crate::pages::{self, checkout};

/// Where a command of the pages is run. A new command fails until it stands in [`KK`].
enum Run {
    /// By this test, in a folder with a bundle.
    Here,
    /// By this file of the integration tests, which holds the command as it is shown.
    Test(&'static str),
    /// By this file of the end-to-end tests, which have hosts and a connected world.
    Lab(&'static str),
}

/// Every `kk` command of the pages, in an order in which those that are run here can be.
const KK: &[(&str, Run)] = &[
    ("kk create manifest --with-kubernetes v1.35.4 --with-registry -f manifest.yaml", Run::Here),
    // Its own test has an API server: src/apiserver/tests.rs.
    ("kk create manifest --kubeconfig admin.conf --with-kubernetes v1.36.3 -f manifest.yaml", Run::Lab("bundle.sh")),
    ("kk artifact check -a kubekey-artifact.tar.gz -f cluster.yaml", Run::Lab("bundle.sh")),
    ("kk create cluster -f cluster.yaml -a kubekey-artifact.tar.gz --skip-failed-hosts", Run::Lab("skip.sh")),
    ("kk artifact export -m manifest.yaml -o kubekey-artifact.tar.gz", Run::Lab("bundle.sh")),
    ("kk artifact verify -a kubekey-artifact.tar.gz", Run::Here),
    ("kk artifact inspect -a kubekey-artifact.tar.gz", Run::Here),
    ("kk artifact sbom -a kubekey-artifact.tar.gz -o sbom.cdx.json", Run::Here),
    ("kk artifact diff kubekey-artifact.tar.gz next.tar.gz", Run::Here),
    ("kk artifact split -a kubekey-artifact.tar.gz --size 4G -o usb", Run::Here),
    ("kk artifact verify -a usb", Run::Here),
    ("kk artifact split -a kubekey-artifact.tar.gz --size 4G --only 1 -o usb", Run::Here),
    ("kk artifact verify --parts -a usb", Run::Here),
    ("kk artifact join -a usb -o joined.tar.gz", Run::Here),
    ("kk artifact export -m manifest.yaml --base kubekey-artifact.tar.gz -o delta.tar.gz", Run::Lab("delta.sh")),
    ("kk artifact images list -a kubekey-artifact.tar.gz 'registry.k8s.io/*'", Run::Test("serve/guide.rs")),
    ("kk artifact serve -a kubekey-artifact.tar.gz", Run::Test("serve/guide.rs")),
    (
        "kk artifact serve -a kubekey-artifact.tar.gz --listen 198.51.100.7:5000 --tls-cert serve.crt --tls-key serve.key",
        Run::Test("serve/guide.rs"),
    ),
    (
        "kk artifact images push -a kubekey-artifact.tar.gz --to registry.example.org/mirror --dry-run",
        Run::Test("serve/guide.rs"),
    ),
    (
        "kk artifact images push -a kubekey-artifact.tar.gz --to registry.example.org/mirror",
        Run::Test("serve/guide.rs"),
    ),
    ("kk artifact images push -a kubekey-artifact.tar.gz -f cluster.yaml", Run::Test("serve/guide.rs")),
    (
        "kk artifact images export -a kubekey-artifact.tar.gz --platform linux/amd64 -o images.tar",
        Run::Test("serve/guide.rs"),
    ),
    ("kk cache list", Run::Here),
    ("kk cache prune --older-than 30d --yes", Run::Here),
    ("kk create config -f cluster.yaml", Run::Here),
    ("kk artifact import -f cluster.yaml -a kubekey-artifact.tar.gz", Run::Here),
    ("kk artifact import -f cluster.yaml -a delta.tar.gz", Run::Here),
    ("kk artifact store list -f cluster.yaml", Run::Here),
    ("kk artifact store prune --keep 2 -f cluster.yaml", Run::Lab("delta.sh")),
    ("kk config view -f cluster.yaml", Run::Here),
    ("kk config template haproxy.cfg > haproxy.cfg", Run::Here),
    ("kk create cluster -f cluster.yaml -a kubekey-artifact.tar.gz", Run::Lab("create.sh")),
    ("kk init os -f cluster.yaml -a kubekey-artifact.tar.gz", Run::Lab("init.sh")),
    ("kk init registry -f cluster.yaml -a kubekey-artifact.tar.gz", Run::Lab("init.sh")),
    ("kk add nodes -f cluster.yaml -a kubekey-artifact.tar.gz", Run::Lab("nodes.sh")),
    ("kk delete node node3 -f cluster.yaml", Run::Lab("nodes.sh")),
    ("kk delete node node3 -f cluster.yaml --gone", Run::Lab("nodes.sh")),
    ("kk upgrade plan --from v1.35.4 --to v1.36.3 --with-registry -m manifest-upgrade.yaml", Run::Here),
    ("kk upgrade -f cluster.yaml -a kubekey-artifact.tar.gz --dry-run", Run::Lab("upgrade.sh")),
    ("kk upgrade -f cluster.yaml -a kubekey-artifact.tar.gz", Run::Lab("upgrade.sh")),
    ("kk history -f cluster.yaml", Run::Here),
    ("kk history show 2 -f cluster.yaml", Run::Lab("nodes.sh")),
    ("kk certs check-expiration -f cluster.yaml", Run::Lab("certs.sh")),
    ("kk certs check-expiration -f cluster.yaml --within 60d --output json", Run::Lab("certs.sh")),
    ("kk certs renew -f cluster.yaml", Run::Lab("certs.sh")),
    ("kk certs renew -f cluster.yaml --only registry --all", Run::Lab("certs.sh")),
    ("kk certs rotate-ca -f cluster.yaml", Run::Lab("rotate.sh")),
    ("kk certs rotate-ca -f cluster.yaml --only etcd-ca,registry-ca --dry-run", Run::Lab("rotate.sh")),
    ("kk certs rotate-ca -f cluster.yaml --leave-workloads", Run::Lab("rotate.sh")),
    ("kk kubeconfig -f cluster.yaml --output-file admin.kubeconfig", Run::Lab("certs.sh")),
    ("kk status -f cluster.yaml", Run::Lab("certs.sh")),
    ("kk delete cluster -f cluster.yaml", Run::Lab("delete.sh")),
    ("kk delete cluster -f cluster.yaml --dry-run", Run::Lab("delete.sh")),
    ("kk etcd status -f cluster.yaml", Run::Lab("etcd.sh")),
    ("kk etcd backup -f cluster.yaml", Run::Lab("etcd.sh")),
    ("kk etcd restore .kk/sample/etcd-backups/sample-20261124T030743Z.db -f cluster.yaml", Run::Lab("etcd.sh")),
    ("kk key generate -o release-key", Run::Test("trust.rs")),
    ("kk artifact sign -a kubekey-artifact.tar.gz --key release-key", Run::Test("trust.rs")),
    ("kk artifact verify -a kubekey-artifact.tar.gz --key release-key.pub", Run::Test("trust.rs")),
    ("kk key list -f cluster.yaml", Run::Test("trust.rs")),
    ("kk key generate -o next-key", Run::Test("trust.rs")),
    ("kk key endorse --key release-key next-key.pub", Run::Test("trust.rs")),
    ("kk receipt -f cluster.yaml", Run::Test("trust.rs")),
    ("kk receipt check receipt.txt --key east-1.pub", Run::Test("trust.rs")),
    ("kk plan -f cluster.yaml -a kubekey-artifact.tar.gz --save plan.json", Run::Lab("rerun.sh")),
    ("kk create cluster -f cluster.yaml -a kubekey-artifact.tar.gz --plan plan.json", Run::Lab("rerun.sh")),
    ("kk support-bundle -f cluster.yaml", Run::Lab("rerun.sh")),
];

/// Other programs that pages show.
const OTHERS: &[&str] = &["cargo", "ctr", "for", "kubectl", "sha256sum", "skopeo", "ssh-keygen", "tar"];

#[test]
fn every_kk_command_parses_and_is_run_somewhere() {
    let mut wrong = Vec::new();
    let mut shown = BTreeSet::new();
    for (place, command) in commands() {
        let words = line::words(&command);
        match words.first().map(String::as_str) {
            Some("kk") => {
                if let Err(error) = kk::cli::Cli::try_parse_from(&words) {
                    wrong.push(format!("{place}: {command}\n{error}"));
                } else if !KK.iter().any(|(known, _)| *known == command) {
                    wrong.push(format!("{place}: no test runs this; say where in tests/docs/commands.rs: {command}"));
                }
                shown.insert(command);
            }
            Some(script) if script.starts_with("./scripts/") => {
                if !checkout().join(script).is_file() {
                    wrong.push(format!("{place}: there is no {script}"));
                }
            }
            Some(program) if OTHERS.contains(&program) => {}
            _ => wrong.push(format!("{place}: what program is this? {command}")),
        }
    }
    for (command, run) in KK {
        if !shown.contains(*command) {
            wrong.push(format!("no page shows this any more: {command}"));
        }
        match run {
            Run::Test(file) => {
                let text = fs::read_to_string(checkout().join("tests").join(file)).unwrap_or_default();
                if !text.contains(&format!("\"{command}\"")) {
                    wrong.push(format!("tests/{file} should run this: {command}"));
                }
            }
            // Where the end-to-end tests are not, none of them can be missing.
            Run::Lab(file)
                if checkout().join("tests/e2e").is_dir() && !checkout().join("tests/e2e").join(file).is_file() =>
            {
                wrong.push(format!("there is no tests/e2e/{file}, which should run {command}"));
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn commands_that_need_no_hosts_run() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    for (command, _) in KK.iter().filter(|(_, run)| matches!(run, Run::Here)) {
        run(folder.path(), command);
    }
}

/// What the pages take for given: a bundle. Cluster file and manifest are written by commands of the pages.
fn prepare(folder: &Path) {
    let text = "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Manifest\nmetadata: {name: sample}\n\
                spec: {files: [{name: notes.txt, localPath: notes.txt}]}\n";
    fs::write(folder.join("notes.txt"), "carried as it is\n").unwrap();
    fs::write(folder.join("small.yaml"), text).unwrap();
    run(folder, "kk artifact export -m small.yaml -o kubekey-artifact.tar.gz");
    fs::create_dir(folder.join("usb")).unwrap();
    run(folder, "kk artifact export -m small.yaml --base kubekey-artifact.tar.gz -o delta.tar.gz");
    fs::copy(folder.join("kubekey-artifact.tar.gz"), folder.join("next.tar.gz")).unwrap();
}

fn run(folder: &Path, command: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_kk"))
        .args(&line::words(command)[1..])
        .current_dir(folder)
        .env("KK_CACHE", folder.join("cache"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {}\n{text}", output.status);
}

/// Every command of every page, with its place: lines of `sh` blocks, and what follows `$` in `console` blocks.
fn commands() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for page in pages::all() {
        for block in page.blocks() {
            let console = match block.language.as_str() {
                "sh" => false,
                "console" => true,
                _ => continue,
            };
            let text = block.text.replace("\\\n", " ");
            for text in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
                let command = if console { text.strip_prefix("$ ") } else { Some(text) };
                let place = format!("{}:{}", page.path.display(), block.line);
                found.extend(command.map(|command| (place, line::tidy(command))));
            }
        }
    }
    found
}
