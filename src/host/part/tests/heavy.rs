use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use super::*;

fn source(path: &str, bytes: &[u8]) -> Source {
    Source { path: path.into(), sha256: Digest::of(bytes), size: bytes.len() as u64 }
}

fn artifact(ground: &Ground, name: &str, bytes: &[u8]) -> Part {
    Part::Artifact(Artifact {
        path: ground.text(name),
        source: source("files/tool", bytes),
        mode: 0o755,
        owner: ground.owner.clone(),
    })
}

const UPLOAD: Verdict = Verdict::Differs { upload: true };
const NO_UPLOAD: Verdict = Verdict::Differs { upload: false };

#[test]
fn an_artifact_is_placed_once_and_found_again_by_its_stamp() {
    under_both(|ground| {
        let bytes = b"#!/bin/sh\nsleep 5\n".repeat(1000);
        let step = step(vec![artifact(ground, "bin dir/tool", &bytes), artifact(ground, "bin dir/same", &bytes)]);
        assert_eq!(ground.check(&step), [UPLOAD, UPLOAD]);
        ground.upload(step.parts[0].source().unwrap(), &bytes);
        ground.make_hold(&step);
        assert_eq!(std::fs::read_dir(ground.path("state/staging")).unwrap().count(), 0);
        assert_eq!(ground.path("bin dir/same").metadata().unwrap().permissions().mode() & 0o7777, 0o755);

        std::fs::remove_dir_all(ground.path("state/files")).unwrap();
        assert!(ground.holds(&step), "the file itself is hashed where there is no stamp");
        assert_eq!(std::fs::read_dir(ground.path("state/files")).unwrap().count(), 2, "and gets one");

        std::fs::set_permissions(ground.path("bin dir/tool"), PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(ground.check(&step), [NO_UPLOAD, Verdict::Holds]);
        assert_eq!(ground.apply(&step).0, [(0, Outcome::Changed)]);

        ground.write("bin dir/tool", "altered");
        assert_eq!(ground.check(&step), [UPLOAD, Verdict::Holds]);
    });
}

#[test]
fn a_running_binary_is_replaced() {
    under_both(|ground| {
        let old = std::fs::read("/bin/sleep").unwrap();
        ground.write("tool", &old);
        std::fs::set_permissions(ground.path("tool"), PermissionsExt::from_mode(0o755)).unwrap();
        let mut running = std::process::Command::new(ground.path("tool")).arg("30").spawn().unwrap();
        let new = std::fs::read("/bin/true").unwrap();
        let step = step(vec![artifact(ground, "tool", &new)]);
        ground.upload(step.parts[0].source().unwrap(), &new);
        ground.make_hold(&step);
        running.kill().unwrap();
        running.wait().unwrap();
    });
}

#[test]
fn an_altered_upload_is_refused_and_a_missing_one_named() {
    under_both(|ground| {
        let step = step(vec![artifact(ground, "tool", b"right")]);
        let (outcomes, stderr) = ground.apply(&step);
        assert_eq!(outcomes, [(0, Outcome::Failed(1))]);
        assert!(stderr.contains("was not uploaded"), "{stderr}");
        ground.upload(step.parts[0].source().unwrap(), b"wrong");
        let (outcomes, stderr) = ground.apply(&step);
        assert_eq!(outcomes, [(0, Outcome::Failed(1))]);
        assert!(stderr.contains("arrived as sha256:"), "{stderr}");
        assert!(!ground.path("tool").exists());
        assert_eq!(ground.check(&step), [UPLOAD]);
    });
}

#[test]
fn what_was_staged_before_the_host_started_anew_is_checked_once_more() {
    under_both(|ground| {
        let bytes = b"#!/bin/sh\nexit 0\n".repeat(1000);
        let step = step(vec![artifact(ground, "tool", &bytes)]);
        let staged = ground.places.checked_path(&step.parts[0].source().unwrap().sha256);
        let lies_there = |content: &[u8], seconds_ago: u64| {
            std::fs::create_dir_all(ground.path("state/staging")).unwrap();
            std::fs::write(&staged, content).unwrap();
            let then = SystemTime::now() - Duration::from_secs(seconds_ago);
            File::options().write(true).open(&staged).unwrap().set_modified(then).unwrap();
        };
        let (this_boot, long_ago) = (0, 20 * 365 * 24 * 3600);
        lies_there(&bytes, this_boot);
        assert_eq!(ground.check(&step), [NO_UPLOAD]);
        lies_there(&bytes, long_ago);
        assert_eq!(ground.check(&step), [NO_UPLOAD], "whole, if old");
        // What a power cut leaves of an upload that was not written through.
        lies_there(b"", long_ago);
        assert_eq!(ground.check(&step), [UPLOAD]);
        assert!(!std::fs::exists(&staged).unwrap());
        ground.upload(step.parts[0].source().unwrap(), &bytes);
        ground.make_hold(&step);
        assert!(ground.holds(&step));
    });
}

#[test]
fn a_disk_without_room_is_told_before_the_upload() {
    under_both(|ground| {
        let large = Source { size: u64::MAX / 8, ..source("files/large", b"") };
        let (status, _, stderr) = ground.run(&staging_script(&[&large], &ground.places));
        assert_eq!(status, 28);
        assert!(stderr.contains("MiB free and"), "{stderr}");
    });
}

fn tarball(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_mtime(1_700_000_000);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, "bin/link", "ctr").unwrap();
    builder.into_inner().unwrap().finish().unwrap()
}

#[test]
fn an_archive_is_unpacked_and_recorded() {
    under_both(|ground| {
        let bytes = tarball(&[("bin/ctr", "ctr"), ("bin/a name\nof two lines", "odd"), ("LICENSE", "text")]);
        let mut part = Archive {
            name: "containerd".into(),
            source: source("files/containerd.tar.gz", &bytes),
            directory: ground.text("usr/local"),
            strip: 0,
            members: vec![],
        };
        let all = step(vec![Part::Archive(part.clone())]);
        assert_eq!(ground.check(&all), [UPLOAD]);
        ground.upload(&part.source, &bytes);
        ground.make_hold(&all);
        assert_eq!(ground.read("usr/local/bin/link"), "ctr");
        assert_eq!(ground.read("usr/local/bin/a name\nof two lines"), "odd");
        let mut names: Vec<_> =
            std::fs::read_dir(ground.path("usr/local")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["LICENSE", "bin"]);
        assert_eq!(std::fs::read_dir(ground.path("state/staging")).unwrap().count(), 0);

        ground.write("usr/local/bin/ctr", "changed");
        assert_eq!(ground.check(&all), [UPLOAD]);
        ground.upload(&part.source, &bytes);
        ground.make_hold(&all);
        std::fs::remove_file(ground.path("usr/local/LICENSE")).unwrap();
        assert_eq!(ground.check(&all), [UPLOAD]);

        part.strip = 1;
        part.directory = ground.text("opt/cni/bin");
        part.members = vec!["bin/ctr".into()];
        let some = step(vec![Part::Archive(part.clone())]);
        ground.upload(&part.source, &bytes);
        ground.make_hold(&some);
        assert_eq!(std::fs::read_dir(ground.path("opt/cni/bin")).unwrap().count(), 1);
        assert_eq!(ground.read("opt/cni/bin/ctr"), "ctr");
    });
}
