//! Keys, signatures and receipts as operators use them; the stock tool agrees.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use kk::bundle::Bundle;
use kk::jobs::site::Site;
use kk::trust::receipt::Delivered;

/// A folder in which commands are run.
struct Desk {
    folder: tempfile::TempDir,
}

/// What a command did.
struct Story {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    /// With the manifest of a small bundle.
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        desk.write("notes.txt", "carried as it is\n".repeat(1000));
        desk.manifest("");
        desk
    }

    fn manifest(&self, more: &str) {
        self.write(
            "small.yaml",
            format!(
                "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Manifest\nmetadata: {{name: small}}\n\
                 spec: {{files: [{{name: notes.txt, localPath: notes.txt}}]{more}}}\n"
            ),
        );
    }

    /// A cluster file that trusts these keys.
    fn cluster(&self, keys: &[&str]) {
        let keys: String = keys.iter().map(|key| format!("\"{}\", ", self.read(key).trim())).collect();
        self.write(
            "cluster.yaml",
            format!(
                "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Cluster\nmetadata: {{name: east-1}}\nspec:\n  \
                 hosts: [{{name: node1, address: 198.51.100.11, user: root, password: hunter2}}]\n  \
                 roleGroups: {{etcd: [node1], control-plane: [node1], worker: [node1], registry: [node1]}}\n  \
                 kubernetes: {{version: v1.35.4}}\n  network: {{plugin: flannel}}\n  artifact: {{trustedKeys: [{keys}]}}\n"
            ),
        );
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn tell(&self, program: &str, arguments: &[&str], input: &[u8]) -> Story {
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .env("HOME", self.folder.path())
            .env_remove("KK_CACHE")
            .env_remove("KK_OUTPUT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}, which scripts/test installs: {error}"));
        // A program that refuses its arguments does not read.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        Story {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn kk(&self, command: &str) -> Story {
        let words: Vec<&str> = command.split(' ').collect();
        self.tell(env!("CARGO_BIN_EXE_kk"), &words, b"")
    }

    fn done(&self, command: &str) -> String {
        let story = self.kk(command);
        assert_eq!(story.code, 0, "kk {command}\n{}{}", story.out, story.err);
        story.out
    }

    /// What is said of a command that must fail.
    fn refused(&self, command: &str, code: i32) -> String {
        let story = self.kk(command);
        assert_eq!(story.code, code, "kk {command}\n{}{}", story.out, story.err);
        story.err
    }

    fn key(&self, name: &str) {
        self.done(&format!("key generate -o {name} --no-passphrase"));
    }
}

#[test]
fn keys_are_made_once_and_kept_secret() {
    let desk = Desk::new();
    let said = desk.done("key generate --no-passphrase --comment release");
    assert!(said.contains("ssh-ed25519 ") && said.contains(" release"), "{said}");
    assert_eq!(desk.path("release-key").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let before = desk.read("release-key");
    assert!(desk.refused("key generate --no-passphrase", 8).contains("release-key exists already"));
    fs::remove_file(desk.path("release-key")).unwrap();
    assert!(desk.refused("key generate --no-passphrase", 8).contains("release-key.pub exists already"));
    desk.write("release-key", before);

    assert!(desk.refused("key generate -o other", 2).contains("nobody can be asked"));
    desk.write("empty", "\n");
    assert!(desk.refused("key generate -o other --passphrase-file empty", 2).contains("protects nothing"));
    assert!(!desk.path("other").exists() && !desk.path("other.pub").exists());
    desk.write("words", "seven words\nand more\n");
    desk.done("key generate -o other --passphrase-file words");
    let shown = desk.tell("ssh-keygen", &["-y", "-P", "seven words", "-f", "other"], b"");
    assert_eq!(shown.out, desk.read("other.pub"), "{}", shown.err);
}

#[test]
fn a_signed_bundle_is_the_same_whenever_it_was_signed_and_the_stock_tool_agrees() {
    let desk = Desk::new();
    desk.write("words", "seven words\n");
    desk.done("key generate -o key --passphrase-file words");
    for ending in ["tar", "tar.gz", "tar.zst"] {
        desk.done(&format!("artifact export -m small.yaml -o plain.{ending}"));
        desk.done(&format!("artifact export -m small.yaml -o at-once.{ending} --sign-key key --passphrase-file words"));
        let (plain, later) = (format!("plain.{ending}"), format!("later.{ending}"));
        let before = fs::read(desk.path(&plain)).unwrap();
        desk.done(&format!("artifact sign -a {plain} --key key --passphrase-file words -o {later}"));
        let at_once = fs::read(desk.path(&format!("at-once.{ending}"))).unwrap();
        assert!(fs::read(desk.path(&later)).unwrap() == at_once, "{ending}");
        assert!(fs::read(desk.path(&plain)).unwrap() == before, "{ending}");
        let said = desk.done(&format!("artifact verify -a {later} --key key.pub"));
        assert!(said.contains("is whole") && said.contains("\nsigned by SHA256:"), "{said}");

        for file in ["bundle.json", "bundle.sig"] {
            let _ = fs::remove_file(desk.path(file));
        }
        assert_eq!(desk.tell("tar", &["xf", &later], b"").code, 0);
        desk.write("allowed_signers", format!("ann {}", desk.read("key.pub")));
        let arguments = ["-Y", "verify", "-f", "allowed_signers", "-I", "ann", "-n", "kk-bundle", "-s", "bundle.sig"];
        let stock = desk.tell("ssh-keygen", &arguments, &fs::read(desk.path("bundle.json")).unwrap());
        assert_eq!(stock.code, 0, "{}", stock.err);
        desk.done(&format!("artifact verify -a {later} --key allowed_signers"));
        assert!(desk.done(&format!("artifact verify -a {later}")).ends_with("signed; by whom, --key checks\n"));
        assert!(desk.done(&format!("artifact inspect -a {later}")).contains("signed, as it says, by SHA256:"));
    }
    assert!(desk.refused("artifact sign -a plain.tar --key key", 3).contains("encrypted"));
    desk.write("words", "other words\n");
    assert!(
        desk.refused("artifact sign -a plain.tar --key key --passphrase-file words", 3).contains("does not open it")
    );
    desk.key("plain-key");
    assert!(desk.refused("artifact sign -a plain.tar --key plain-key -o later.tar", 8).contains("exists already"));
    assert!(
        desk.refused("artifact sign -a plain.tar --key plain-key -o x.tar.gz", 2).contains("does not end with .tar")
    );
    assert!(desk.refused("artifact sign -a plain.tar --key plain-key.pub", 3).contains("public key"));
    // Signed anew: the other signature goes.
    desk.done("artifact sign -a later.tar --key plain-key");
    desk.done("artifact verify -a later.tar --key plain-key.pub");
    desk.refused("artifact verify -a later.tar --key key.pub", 4);
}

#[test]
fn what_is_not_signed_by_a_known_key_is_not_read() {
    let desk = Desk::new();
    ["own", "stranger"].iter().for_each(|key| desk.key(key));
    desk.done("artifact export -m small.yaml -o unsigned.tar");
    let said = desk.refused("artifact verify -a unsigned.tar --key own.pub", 4);
    assert!(said.contains("it is not signed") && said.contains("nothing else of the bundle was read"), "{said}");
    desk.done("artifact sign -a unsigned.tar --key stranger -o signed.tar");
    let said = desk.refused("artifact verify -a signed.tar --key own.pub", 4);
    assert!(said.contains("which is not a trusted key"), "{said}");
    desk.done("artifact verify -a signed.tar --key own.pub --key stranger.pub");

    // The signature of another bundle, in its place.
    desk.manifest(", arches: [arm64]");
    desk.done("artifact export -m small.yaml -o other.tar --sign-key own --update-lock");
    let theirs = Bundle::open(&desk.path("other.tar")).unwrap().signature().unwrap().to_vec();
    kk::bundle::sign(&Bundle::open(&desk.path("unsigned.tar")).unwrap(), &theirs, &desk.path("mixed.tar")).unwrap();
    let said = desk.refused("artifact verify -a mixed.tar --key own.pub", 4);
    assert!(said.contains("it was made over something else"), "{said}");

    // Split after it was signed, its parts say who signed it; split before, it is signed no more.
    desk.write(
        "noise.bin",
        (0u32..700_000).flat_map(|one| one.wrapping_mul(2_654_435_761).to_le_bytes()).collect::<Vec<u8>>(),
    );
    desk.write("large.yaml", desk.read("small.yaml").replace("notes.txt", "noise.bin"));
    desk.done("artifact export -m large.yaml -o large.tar --sign-key own");
    desk.done("artifact split -a large.tar --size 1M");
    fs::remove_file(desk.path("large.tar")).unwrap();
    let part = fs::read_dir(desk.folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let part =
        part.into_iter().find(|name| name.starts_with("large") && !name.ends_with(".yaml") && !name.ends_with(".lock"));
    let part = part.expect("a part");
    desk.done(&format!("artifact verify -a {part} --key own.pub"));
    desk.refused(&format!("artifact verify -a {part} --key stranger.pub"), 4);
    assert!(desk.refused(&format!("artifact sign -a {part} --key own"), 2).contains("before it is split"));

    // Damage is told from a wrong signature.
    let mut bytes = fs::read(desk.path("other.tar")).unwrap();
    let at = bytes.windows(9).position(|window| window == b"SIGNATURE").unwrap() + 40;
    bytes[at] ^= 1;
    desk.write("damaged.tar", bytes);
    assert!(desk.refused("artifact verify -a damaged.tar --key own.pub", 4).contains("Copy it again"));
    assert!(desk.refused("artifact verify -a other.tar --key own", 3).contains("private key"));
}

#[test]
fn a_new_key_is_trusted_on_the_word_of_the_old_one() {
    let desk = Desk::new();
    ["first", "second", "third"].iter().for_each(|key| desk.key(key));
    desk.done("key endorse --key first second.pub");
    desk.done("key endorse --key second third.pub");
    desk.done("artifact export -m small.yaml -o a.tar --sign-key third");
    let said = desk.done("artifact verify -a a.tar --key first.pub");
    assert!(
        said.contains("(third)\n  for which vouches") && said.contains("(second)\n") && said.contains("(first)"),
        "{said}"
    );
    let json: serde_json::Value = serde_json::from_str(
        desk.done("artifact verify -a a.tar --key first.pub --output json").lines().last().unwrap(),
    )
    .unwrap();
    assert_eq!(json["endorsedBy"].as_array().unwrap().len(), 2);
    assert!(desk.refused("key endorse --key first first.pub", 2).contains("vouch for itself"));

    // Stock ssh-keygen checks an endorsement as well.
    desk.write("allowed_signers", format!("ann {}", desk.read("first.pub")));
    let arguments = ["-Y", "verify", "-f", "allowed_signers", "-I", "ann", "-n", "kk-key", "-s", "second.endorsed"];
    assert_eq!(desk.tell("ssh-keygen", &arguments, desk.read("second.pub").as_bytes()).code, 0);
}

#[test]
fn a_site_that_lists_keys_takes_signed_bundles_only() {
    let desk = Desk::new();
    desk.key("own");
    desk.done("artifact export -m small.yaml -o unsigned.tar");
    desk.done("artifact export -m small.yaml -o signed.tar --sign-key own");
    let create = |bundle: &str| desk.refused(&format!("create cluster -f cluster.yaml --dry-run -a {bundle}"), 4);
    desk.cluster(&[]);
    assert!(create("unsigned.tar").contains("the bundle lacks"));
    desk.cluster(&["own.pub"]);
    let said = create("unsigned.tar");
    assert!(said.contains("it is not signed") && said.contains("cluster.yaml: spec.artifact.trustedKeys"), "{said}");
    let said = create("signed.tar");
    assert!(said.contains("small is signed by SHA256:") && said.contains("the bundle lacks"), "{said}");
    assert!(desk.refused("artifact check -f cluster.yaml -a unsigned.tar", 4).contains("it is not signed"));
    assert!(desk.done("key list -f cluster.yaml").contains("trusted"));
    desk.write("mistake.yaml", desk.read("cluster.yaml").replace("ssh-ed25519", "ssh-rsa"));
    assert!(desk.refused("config view -f mistake.yaml", 3).contains("spec.artifact.trustedKeys[0]"));
}

/// The guide's commands as a person at a terminal gives them, passphrases typed.
#[test]
fn the_guide_at_a_terminal() {
    let desk = Desk::new();
    let kk = PathBuf::from(env!("CARGO_BIN_EXE_kk"));
    let typed = |command: &str, input: &str| {
        let command = command.replacen("kk ", &format!("{} ", kk.display()), 1);
        let story = desk.tell("script", &["-qec", &command, "/dev/null"], input.as_bytes());
        assert_eq!(story.code, 0, "{command}\n{}{}", story.out, story.err);
        story.out
    };
    let words = "seven words\n";
    desk.done("artifact export -m small.yaml -o kubekey-artifact.tar.gz");
    typed("kk key generate -o release-key", &words.repeat(2));
    typed("kk artifact sign -a kubekey-artifact.tar.gz --key release-key", words);
    let said = typed("kk artifact verify -a kubekey-artifact.tar.gz --key release-key.pub", "");
    assert!(said.contains("(release-key)"), "{said}");
    desk.cluster(&["release-key.pub"]);
    assert!(typed("kk key list -f cluster.yaml", "").contains("release-key  trusted"));
    typed("kk key generate -o next-key", &words.repeat(2));
    typed("kk key endorse --key release-key next-key.pub", words);

    let site = Site::open(&kk::cluster::load(&desk.path("cluster.yaml")).unwrap()).unwrap();
    let bundle = Bundle::open(&desk.path("kubekey-artifact.tar.gz")).unwrap();
    site.delivered(bundle.inventory(), None, Delivered::Installed).unwrap();
    desk.write("receipt.txt", typed("kk receipt -f cluster.yaml", ""));
    desk.write("east-1.pub", desk.read(".kk/east-1/receipt-key.pub"));
    assert!(typed("kk receipt check receipt.txt --key east-1.pub", "").contains("east-1"));

    let mistyped =
        desk.tell("script", &["-qec", &format!("{} key generate -o x", kk.display()), "/dev/null"], b"one\nother\n");
    assert!(mistyped.code == 2 && mistyped.out.contains("the two passphrases differ"), "{}", mistyped.out);
    assert!(!desk.path("x").exists());
}

#[test]
fn a_receipt_leaves_a_site_and_is_read_outside() {
    let desk = Desk::new();
    desk.cluster(&[]);
    assert!(desk.refused("receipt -f cluster.yaml", 4).contains("no bundle was delivered to east-1 yet"));
    desk.done("artifact export -m small.yaml -o small.tar");
    let bundle = Bundle::open(&desk.path("small.tar")).unwrap();
    let site = Site::open(&kk::cluster::load(&desk.path("cluster.yaml")).unwrap()).unwrap();
    site.delivered(bundle.inventory(), None, Delivered::Installed).unwrap();

    let story = desk.kk("receipt -f cluster.yaml --qr");
    assert_eq!(story.code, 0, "{}", story.err);
    assert!(story.err.contains("receipt-key.pub on the connected side"), "{}", story.err);
    assert!(story.out.contains("\ninstalled  20") && story.out.contains("█"), "{}", story.out);
    assert_eq!(desk.path(".kk/east-1/pki/receipt-key").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    desk.write("note.txt", &story.out);
    desk.write("site.pub", desk.read(".kk/east-1/receipt-key.pub"));
    let said = desk.done("receipt check note.txt --key site.pub");
    assert!(
        said.contains("site       east-1\nbundle     small\n") && said.contains(&bundle.digest().to_string()),
        "{said}"
    );

    let json: serde_json::Value =
        serde_json::from_str(desk.done("receipt -f cluster.yaml --output json").trim()).unwrap();
    let run = json["receipt"].as_str().unwrap();
    assert!(desk.done(&format!("receipt check {run} --key site.pub")).contains("east-1"));
    // The same key as before, and its line is what is registered.
    assert_eq!(json["publicKey"], desk.read("site.pub").trim());

    let mistyped: String = story
        .out
        .lines()
        .map(|line| match line.strip_prefix(" 3  ") {
            Some(rest) => format!(" 3  {}{}\n", if rest.starts_with('7') { '8' } else { '7' }, &rest[1..]),
            None => format!("{line}\n"),
        })
        .collect();
    desk.write("mistyped.txt", mistyped);
    let said = desk.refused("receipt check mistyped.txt --key site.pub", 3);
    assert!(said.contains("line 3 is mistyped, most likely in group 1"), "{said}");
    desk.key("other");
    assert!(desk.refused("receipt check note.txt --key other.pub", 3).contains("was not signed by"));
}
