//! Exports without a cache: the same bytes, no more room than the bundle, and nothing lost when they are killed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::fileserver::Fault;
use crate::images::noise;
use crate::world::{HELM, MANIFEST, World, failure, success};

/// Stored as it is in a bundle.
const ARCHIVE: &str = "/example.org/archive.tgz";
/// Compressed there.
const PROGRAM: &str = "/example.org/program";

/// With two large files besides: 40 MB that are stored, and 60 MB that compress well.
async fn large() -> World {
    let world = World::new().await;
    world.files.put(ARCHIVE, noise(3, 40_000_000));
    world.files.put(PROGRAM, program(60_000_000));
    let files = "  files:
    - {name: archive.tgz, url: https://example.org/archive.tgz}
    - {name: program, url: https://example.org/program}
";
    world.write("manifest.yaml", &format!("{MANIFEST}{files}"));
    world
}

/// Half noise, half repetition, so that it compresses to about a half.
fn program(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8192);
    let noise = noise(4, length);
    for piece in noise.chunks(4096) {
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(&[piece.first().copied().unwrap_or(0); 4096]);
        if bytes.len() >= length {
            break;
        }
    }
    bytes.truncate(length);
    bytes
}

/// Bytes on the disk of everything whose name begins so.
fn room(folder: &Path, start: &str) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(start));
    ours.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => room(&entry.path(), ""),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    })
    .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_and_without_a_cache_the_bytes_are_the_same_at_any_concurrency() {
    let world = World::new().await;
    world.files.put(PROGRAM, program(3_300_000));
    let files = "  files:\n    - {name: program, url: https://example.org/program}\n";
    world.write("manifest.yaml", &format!("{MANIFEST}{files}"));
    for ending in ["tar", "tar.gz", "tar.zst"] {
        let first = format!("first.{ending}");
        success(world.export(&["-o", &first, "--concurrency", "1"]));
        for (number, arguments) in [
            &["--concurrency", "16"][..],
            &["--no-cache", "--concurrency", "1"],
            &["--no-cache", "--concurrency", "16"],
        ]
        .into_iter()
        .enumerate()
        {
            let other = format!("other-{number}.{ending}");
            if number == 0 {
                fs::remove_dir_all(world.path("cache")).unwrap();
            }
            success(world.export(&[&["-o", other.as_str()], arguments].concat()));
            assert!(world.read(&first) == world.read(&other), "{other}");
            assert!(!world.path(&format!("{other}.part.d")).exists() && !world.path(&format!("{other}.part")).exists());
        }
        success(world.run(&["artifact", "verify", "-a", &first, "--sha256"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_but_the_bundle_and_the_record() {
    let world = World::new().await;
    success(world.export(&["-o", "one.tar.gz", "--no-cache"]));
    let kept: Vec<_> = fs::read_dir(world.path("cache/export")).unwrap().flatten().map(|one| one.file_name()).collect();
    assert_eq!(kept, ["exports"]);
    success(world.export(&["-o", "two.tar.gz", "--no-cache", "--dry-run"]));
    assert!(!world.path("two.tar.gz.part.d").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_room_is_taken_than_the_bundle_takes() {
    let world = large().await;
    for name in ["one.tar.gz", "one.tar"] {
        let mut running = world
            .kk(&["artifact", "export", "-m", "manifest.yaml", "-o", name, "--no-cache"])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = running.id().to_string();
        let signal = |what: &str| Command::new("kill").args([what, &pid]).status().unwrap().success();
        let mut most = 0;
        let status = loop {
            // Stands still while it is looked at from entry to entry.
            let _ = signal("-STOP");
            most = most.max(room(world.folder.path(), name));
            let _ = signal("-CONT");
            if let Some(status) = running.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        assert!(status.success());
        let size = fs::metadata(world.path(name)).unwrap().len();
        assert!(most > size / 2, "it was looked at: {most} of {size}");
        // Five hundredths, and what blocks of 4 KiB add.
        assert!(most <= size + size / 20 + (2 << 20), "{name}: {most} for {size}");
        fs::remove_file(world.path(name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_packs_it_fetches_nothing_again() {
    let world = large().await;
    success(world.export(&["-o", "reference.tar.gz"]));
    success(world.export(&["-o", "reference.tar"]));
    for name in ["one.tar.gz", "one.tar"] {
        let reference = name.replace("one", "reference");
        let size = fs::metadata(world.path(&reference)).unwrap().len();
        // Earlier and earlier, so that one run's rest is the next one's beginning.
        let mut fetched = false;
        for share in [6, 4, 2, 0] {
            let mut running = world
                .kk(&["artifact", "export", "-m", "manifest.yaml", "-o", name, "--no-cache"])
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let marker = world.path(&format!("{name}.part.d/packing.json"));
            let part = world.path(&format!("{name}.part"));
            let packing = || marker.exists() && fs::metadata(&part).is_ok_and(|part| part.len() >= size * share / 10);
            let end = Instant::now() + Duration::from_secs(120);
            // What an earlier run left half written is taken apart first.
            while fetched && part.exists() && running.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            while !packing() && running.try_wait().unwrap().is_none() {
                assert!(Instant::now() < end, "it does not begin to pack");
                std::thread::sleep(Duration::from_millis(1));
            }
            running.kill().unwrap();
            running.wait().unwrap();
            if world.path(name).exists() {
                // It was too fast to be killed, and begins anew.
                fs::remove_file(world.path(name)).unwrap();
                fetched = false;
            } else if !fetched {
                world.files.take_log();
                fetched = true;
            }
        }
        success(world.export(&["-o", name, "--no-cache", "--yes"]));
        let log = world.files.take_log();
        assert!(!fetched || !log.iter().any(|line| line.starts_with("GET") && !line.contains("sha256sum")), "{log:?}");
        assert!(world.read(name) == world.read(&reference), "{name}");
        assert_eq!(room(world.folder.path(), &format!("{name}.part")), 0);
        fs::remove_file(world.path(name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_fetches_it_goes_on_where_it_was() {
    let world = large().await;
    success(world.export(&["-o", "reference.tar.gz"]));
    world.files.fail(PROGRAM, &[Fault::StallAfter(20_000_000)]);
    world.files.fail(HELM, &[Fault::StallAfter(2_000_000)]);
    let mut running = world
        .kk(&["artifact", "export", "-m", "manifest.yaml", "-o", "one.tar.gz", "--no-cache"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(120);
    let parts = || {
        let parts = fs::read_dir(world.path("one.tar.gz.part.d/parts")).into_iter().flatten().flatten();
        let length = |part: &fs::DirEntry| part.metadata().map_or(0, |part| part.len());
        parts.map(|part| (part.file_name().to_string_lossy().ends_with(".frames"), length(&part))).collect::<Vec<_>>()
    };
    // 19 whole MiB of the program, in frames of about half their size.
    let arrived = |parts: &[(bool, u64)]| {
        parts.contains(&(false, 2_000_000)) && parts.iter().any(|(frames, length)| *frames && *length > 19 << 19)
    };
    while !arrived(&parts()) {
        assert!(Instant::now() < end, "{:?}", parts());
        std::thread::sleep(Duration::from_millis(5));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    world.files.take_log();
    success(world.export(&["-o", "one.tar.gz", "--no-cache"]));
    let log = world.files.take_log();
    assert!(log.contains(&format!("GET {HELM} bytes=2000000-")), "{log:?}");
    let program = log.iter().find_map(|line| line.strip_prefix(&format!("GET {PROGRAM} bytes="))).unwrap();
    let from: u64 = program.trim_end_matches('-').parse().unwrap();
    assert!((18 << 20..=20_000_000).contains(&from), "{log:?}");
    assert!(world.read("one.tar.gz") == world.read("reference.tar.gz"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rots_beside_the_output_is_fetched_again() {
    let world = large().await;
    success(world.export(&["-o", "reference.tar.gz"]));
    let mut running = world
        .kk(&["artifact", "export", "-m", "manifest.yaml", "-o", "one.tar.gz", "--no-cache"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !world.path("one.tar.gz.part.d/packing.json").exists() && running.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    // As after a loss of power: of what was written, nothing arrived.
    for entry in fs::read_dir(world.path("one.tar.gz.part.d/blobs/sha256")).unwrap().flatten() {
        let length = entry.metadata().unwrap().len();
        if length > 1 << 20 {
            fs::write(entry.path(), vec![0; length as usize]).unwrap();
        }
    }
    let part = world.path("one.tar.gz.part");
    if let Ok(metadata) = fs::metadata(&part) {
        fs::write(&part, vec![0; metadata.len() as usize]).unwrap();
    }
    success(world.export(&["-o", "one.tar.gz", "--no-cache", "--yes"]));
    assert!(world.read("one.tar.gz") == world.read("reference.tar.gz"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_with_a_cache_removes_what_one_without_left() {
    let world = World::new().await;
    world.files.fail(HELM, &[Fault::Status(404, "")]);
    failure(world.export(&["-o", "one.tar", "--no-cache"]));
    assert!(world.path("one.tar.part.d").exists());
    success(world.export(&["-o", "one.tar"]));
    assert_eq!(room(world.folder.path(), "one.tar.part"), 0);
}
