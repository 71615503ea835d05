//! What `kk` says: the help of every command, and how typical mistakes are answered.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;

/// A folder in which commands are run, with what they need.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// A cluster file of one host that is fit for an installation.
    fn cluster(&self) {
        self.write(
            "cluster.yaml",
            "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Cluster\nmetadata: {name: sample}\nspec:\n  \
             hosts: [{name: node1, address: 192.0.2.11, user: root, password: hunter2}]\n  \
             roleGroups: {etcd: [node1], control-plane: [node1], worker: [node1], registry: [node1]}\n  \
             kubernetes: {version: v1.35.4}\n  network: {plugin: flannel}\n",
        );
    }

    /// A bundle of one small file.
    fn bundle(&self) {
        self.write("notes.txt", "carried as it is\n".repeat(1000));
        self.write(
            "small.yaml",
            "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Manifest\nmetadata: {name: small}\n\
             spec: {files: [{name: notes.txt, localPath: notes.txt}]}\n",
        );
        let told = self.run("kk artifact export -m small.yaml -o bundle.tar");
        assert!(told.contains("exit status 0"), "{told}");
    }

    /// Runs a command and tells the story: exit status, standard output, standard error.
    fn run(&self, command: &str) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_kk"))
            .args(command.split(' ').skip(1))
            .current_dir(&self.folder)
            .env_clear()
            .env("HOME", self.folder.path())
            .output()
            .unwrap();
        let mut story = format!("$ {command}\n");
        for (name, bytes) in [("standard output", output.stdout), ("standard error", output.stderr)] {
            if !bytes.is_empty() {
                story.push_str(&format!("-- {name}\n{}", undigested(&untimed(&String::from_utf8(bytes).unwrap()))));
            }
        }
        story.push_str(&format!("-- {}\n", output.status.to_string().replace(':', "")));
        let place = |path: &Path| path.display().to_string();
        story
            .replace(&place(&self.folder.path().canonicalize().unwrap()), "FOLDER")
            .replace(&place(self.folder.path()), "FOLDER")
    }
}

/// The text with every digest made the same: those of a bundle change with its format.
fn undigested(text: &str) -> String {
    text.split_inclusive(|letter: char| !letter.is_ascii_hexdigit())
        .map(|run| {
            let digits = run.trim_end_matches(|letter: char| !letter.is_ascii_hexdigit());
            if digits.len() == 64 { run.replace(digits, "DIGEST") } else { run.to_owned() }
        })
        .collect()
}

/// The text with every duration made the same.
fn untimed(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let words: Vec<&str> = line.split(' ').collect();
        let mut kept: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        for at in 1..words.len() {
            let number = words[at - 1].trim_start_matches('(');
            let unit = words[at].trim_end().trim_end_matches([')', ',', '.']);
            if ["s", "ms"].contains(&unit) && number.parse::<f64>().is_ok() {
                kept[at - 1] = words[at - 1].replace(number, "T");
                kept[at] = words[at].replace("ms", "s");
            }
        }
        out.push_str(&kept.join(" "));
    }
    out
}

#[test]
fn help_of_every_command() {
    let desk = Desk::new();
    let mut root = kk::cli::Cli::command();
    root.build();
    let mut commands = vec!["kk".to_owned()];
    collect(&root, "kk", &mut commands);
    for command in commands {
        insta::assert_snapshot!(format!("help of {command}").replace(' ', "_"), desk.run(&format!("{command} --help")));
    }
}

fn collect(command: &clap::Command, name: &str, found: &mut Vec<String>) {
    for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
        let name = format!("{name} {}", child.get_name());
        found.push(name.clone());
        collect(child, &name, found);
    }
}

#[test]
fn a_command_line_that_is_wrong() {
    let desk = Desk::new();
    let mut told = String::new();
    for command in [
        "kk",
        "kk artefact",
        "kk create cluster --filname cluster.yaml",
        "kk create cluster -f cluster.yaml",
        "kk init registry -f cluster.yaml",
        "kk artifact export -m manifest.yaml -o bundle.zip",
        "kk artifact export -m manifest.yaml -o bundle.tar --mirror nowhere",
        "kk create config --name a/b",
        "kk config template haproxy",
    ] {
        told.push_str(&format!("{}\n", desk.run(command)));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn files_that_are_not_there() {
    let desk = Desk::new();
    desk.cluster();
    let mut told = String::new();
    for command in [
        "kk config view -f nothing.yaml",
        "kk create cluster -f nothing.yaml -a bundle.tar",
        "kk init os -f nothing.yaml -a bundle.tar",
        "kk create cluster -f cluster.yaml -a nothing.tar",
        "kk delete cluster -f nothing.yaml",
        "kk etcd status -f nothing.yaml",
        "kk etcd restore nothing.db -f cluster.yaml",
        "kk artifact export -m nothing.yaml -o bundle.tar",
        "kk artifact inspect -a nothing.tar",
    ] {
        told.push_str(&format!("{}\n", desk.run(command)));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_cluster_file_with_mistakes() {
    let desk = Desk::new();
    desk.write("cluster.yaml", include_str!("fixtures/files/cluster-faulty.yaml"));
    let told = desk.run("kk create cluster -f cluster.yaml -a bundle.tar");
    assert!(!told.contains("hunter"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn a_cluster_file_that_asks_for_what_cannot_be_done_yet() {
    let desk = Desk::new();
    desk.write("cluster.yaml", include_str!("fixtures/files/published-cluster.yaml"));
    insta::assert_snapshot!(desk.run("kk create cluster -f cluster.yaml -a bundle.tar"));
}

#[test]
fn a_registry_without_a_host() {
    let desk = Desk::new();
    desk.cluster();
    let text = fs::read_to_string(desk.path("cluster.yaml")).unwrap();
    let text = text.replace(", registry: [node1]", "");
    desk.write("cluster.yaml", text + "  registry: {privateRegistry: registry.example}\n");
    let told = desk.run("kk init registry -f cluster.yaml -a bundle.tar");
    assert!(!desk.path(".kk").exists(), "a site was made for nothing");
    insta::assert_snapshot!(told);
}

#[test]
fn bundles_that_cannot_be_used() {
    let desk = Desk::new();
    desk.cluster();
    desk.bundle();
    let whole = fs::read(desk.path("bundle.tar")).unwrap();
    desk.write("cut.tar", &whole[..whole.len() - 9000]);
    let mut flipped = whole.clone();
    let at = whole.len() - 9000;
    flipped[at] ^= 1;
    desk.write("flipped.tar", flipped);
    desk.write("other.tar", "no archive");
    let mut told = String::new();
    for command in [
        "kk artifact verify -a bundle.tar",
        "kk artifact verify -a cut.tar",
        "kk artifact verify -a flipped.tar",
        "kk artifact inspect -a other.tar",
        "kk create cluster -f cluster.yaml -a flipped.tar",
        "kk create cluster -f cluster.yaml -a bundle.tar",
        "kk init registry -f cluster.yaml -a bundle.tar",
        "kk artifact export -m small.yaml -o bundle.tar",
    ] {
        told.push_str(&format!("{}\n", desk.run(command)));
    }
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn what_deletion_would_do_is_told_and_nobody_is_no() {
    let desk = Desk::new();
    desk.cluster();
    let told = format!(
        "{}\n{}",
        desk.run("kk delete cluster -f cluster.yaml"),
        desk.run("kk delete cluster -f cluster.yaml --all")
    );
    assert!(!desk.path(".kk").exists(), "a site was made for a no");
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_no_snapshot_of_etcd_is_not_restored() {
    let desk = Desk::new();
    desk.cluster();
    desk.write("text.db", "no snapshot at all, but a text");
    let mut database = vec![0; 8192];
    database[16..20].copy_from_slice(&0xED0C_DAED_u32.to_le_bytes());
    desk.write("copied.db", &database);
    database.extend([0; 32]);
    desk.write("damaged.db", &database);
    let mut told = String::new();
    for file in ["text.db", "copied.db", "damaged.db"] {
        told.push_str(&format!("{}\n", desk.run(&format!("kk etcd restore {file} -f cluster.yaml --yes"))));
    }
    assert!(!desk.path(".kk").exists(), "a site was made for a file that is none");
    insta::assert_snapshot!(told);
}

#[test]
fn files_that_kk_writes_are_files_that_kk_reads() {
    let desk = Desk::new();
    for command in [
        "kk create config -f cluster.yaml --with-kubernetes v1.35.4",
        "kk config view -f cluster.yaml",
        "kk create manifest -f manifest.yaml --with-kubernetes v1.35.4,v1.36.3 --arch amd64,arm64",
        "kk config view -f manifest.yaml",
    ] {
        let told = desk.run(command);
        assert!(told.contains("exit status 0"), "{told}");
    }
    insta::assert_snapshot!(desk.run("kk create config -f cluster.yaml"));
}

#[test]
fn secrets_of_a_file_are_not_shown() {
    let desk = Desk::new();
    desk.cluster();
    let told = desk.run("kk config view -f cluster.yaml");
    assert!(told.contains("********") && !told.contains("hunter2"), "{told}");
}
