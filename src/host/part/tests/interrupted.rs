use std::time::{Duration, Instant};

use super::*;

fn everything(ground: &Ground, bytes: &[u8]) -> Step {
    let flag = ground.text("flag");
    step(vec![
        ground.file("a/one", &"1\n".repeat(5000)),
        Part::Artifact(Artifact {
            path: ground.text("a/tool"),
            source: Source { path: "files/tool".into(), sha256: Digest::of(bytes), size: bytes.len() as u64 },
            mode: 0o755,
            owner: ground.owner.clone(),
        }),
        Part::Block(Block {
            path: ground.text("hosts"),
            marker: "m".into(),
            content: "10.0.0.1 a\n".repeat(200).into(),
        }),
        Part::command("Flag", format!("[ -e '{flag}' ]"), format!("sleep 0.1; echo done >>'{flag}'")),
        ground.file("a/last", "last"),
    ])
}

#[test]
fn whenever_it_is_killed_the_next_run_finishes() {
    let shared = (0..400).map(|line| format!("10.1.{}.{} host{line}\n", line / 256, line % 256)).collect::<String>();
    let bytes = vec![7u8; 3_000_000];
    under_both(|ground| {
        for round in 0..12u64 {
            for name in ["a", "state", "flag"] {
                let _ = std::fs::remove_dir_all(ground.path(name));
                let _ = std::fs::remove_file(ground.path(name));
            }
            ground.write("hosts", &shared);
            let step = everything(ground, &bytes);
            ground.upload(step.parts[1].source().unwrap(), &bytes);
            let mut child = ground.spawn(&ground.apply_text(&step, &Marker::random()));
            std::thread::sleep(Duration::from_millis(round * 17));
            // Every other time its children are left to go on, as when kk's machine dies.
            if round % 2 == 0 {
                child.kill().unwrap();
            } else {
                let group = format!("-{}", child.id());
                Command::new("kill").args(["-9", "--", &group]).output().unwrap();
            }
            child.wait().unwrap();
            if ground.check(&step)[1] == (Verdict::Differs { upload: true }) {
                ground.upload(step.parts[1].source().unwrap(), &bytes);
            }
            let (outcomes, stderr) = ground.apply(&step);
            assert!(outcomes.iter().all(|(_, outcome)| !matches!(outcome, Outcome::Failed(_))), "{stderr}");
            assert!(ground.holds(&step), "round {round}");
            assert_eq!(
                ground.read("hosts"),
                format!("{shared}# BEGIN kk m\n{}# END kk m\n", "10.0.0.1 a\n".repeat(200))
            );
        }
    });
}

/// The command has begun, so its script has the lock of the host.
fn until_there(path: &str) {
    let begin = Instant::now();
    while !std::fs::exists(path).unwrap() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{path} never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_orphan_finishes_and_the_next_run_finds_it_done() {
    under_both(|ground| {
        let (flag, begun) = (ground.text("flag"), ground.text("begun"));
        let slow = step(vec![
            Part::command(
                "Slow",
                format!("[ -e '{flag}' ]"),
                format!("echo noise; : >'{begun}'; sleep 1; echo once >>'{flag}'"),
            ),
            ground.file("after", "after"),
        ]);
        let marker = Marker::random();
        let text = ground.apply_text(&slow, &marker);
        let mut first = ground.spawn(&text);
        drop((first.stdout.take(), first.stderr.take()));
        until_there(&begun);
        let hangup = Command::new("kill").args(["-HUP", &first.id().to_string()]).output().unwrap();
        assert!(hangup.status.success());
        let begin = Instant::now();
        let (_, stdout, stderr) = ground.run(&text);
        assert_eq!(read_apply(&slow, &marker, &stdout), [(0, Outcome::Held), (1, Outcome::Held)], "{stderr}");
        assert!(begin.elapsed() > Duration::from_millis(400), "it waited for the lock");
        assert_eq!(first.wait().unwrap().code(), Some(0));
        assert_eq!(ground.read("flag"), "once\n");
    });
}

#[test]
fn a_killed_script_keeps_the_lock_while_its_command_runs() {
    under_both(|ground| {
        let (flag, begun) = (ground.text("flag"), ground.text("begun"));
        let slow = step(vec![Part::command(
            "Slow",
            format!("[ -e '{flag}' ]"),
            format!(": >'{begun}'; sleep 1; echo once >>'{flag}'; sleep 60 >/dev/null 2>&1 & exit 0"),
        )]);
        let marker = Marker::random();
        let text = ground.apply_text(&slow, &marker);
        let mut first = ground.spawn(&text);
        until_there(&begun);
        first.kill().unwrap();
        first.wait().unwrap();
        let begin = Instant::now();
        let (_, stdout, stderr) = ground.run(&text);
        assert_eq!(read_apply(&slow, &marker, &stdout), [(0, Outcome::Held)], "{stderr}");
        assert!(begin.elapsed() < Duration::from_secs(20), "what the command left behind does not hold the lock");
        assert_eq!(ground.read("flag"), "once\n");
    });
}
