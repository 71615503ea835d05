use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

#[test]
fn files_folders_links_and_absences_are_made_to_hold() {
    under_both(|ground| {
        ground.write("old/sub/file", "x");
        let step = step(vec![
            Part::Directory(Directory { path: ground.text("a/b"), mode: 0o750, owner: ground.owner.clone() }),
            ground.file("a/b/it's here/c", "hello\n"),
            Part::Symlink(Symlink { path: ground.text("a/link"), target: "b/it's here".into() }),
            Part::Absent(Absent { path: ground.text("old") }),
        ]);
        ground.make_hold(&step);
        assert_eq!(ground.read("a/link/c"), "hello\n");
        assert_eq!(ground.path("a/b").metadata().unwrap().permissions().mode() & 0o7777, 0o750);
        assert_eq!(ground.path("a/b/it's here/c").metadata().unwrap().permissions().mode() & 0o7777, 0o640);
        assert!(!ground.path("old").exists());
        assert_eq!(ground.apply(&step).0, []);

        ground.write("a/b/it's here/c", "hellp\n");
        assert_eq!(ground.apply(&step).0, [(1, Outcome::Changed)]);
        std::fs::set_permissions(ground.path("a/b"), PermissionsExt::from_mode(0o700)).unwrap();
        assert_eq!(ground.apply(&step).0, [(0, Outcome::Changed)]);
    });
}

#[test]
fn hostile_contents_arrive_as_they_are() {
    let contents = [
        "",
        "no newline at the end",
        "$(touch /tmp/never) `id` \\ \" ' ; }\nEOF\nKK_EOF\n}\nkk_all\nexit 0\n",
        "kk-0000 0 0\n\u{fffd}\u{1f980}\r\n\t%s%n\\0\n",
        "\0zero\0bytes\0",
    ];
    under_both(|ground| {
        let name = "it's $(a) `b` \"c\" \\d";
        let parts = contents.iter().enumerate().map(|(i, text)| ground.file(&format!("{name}/{i}"), text)).collect();
        ground.make_hold(&step(parts));
        for (index, content) in contents.iter().enumerate() {
            assert_eq!(ground.read(&format!("{name}/{index}")), *content);
        }
    });
}

#[test]
fn nothing_a_command_prints_is_taken_for_a_result() {
    under_both(|ground| {
        let fake = "for each in kk_marker; do echo \"$kk_marker 0 0\"; echo \"$kk_marker 0 changed\"; done; false";
        let step = step(vec![Part::command("Fake", fake, fake)]);
        assert_eq!(ground.check(&step), [Verdict::Differs { upload: false }]);
        assert_eq!(ground.apply(&step).0, [(0, Outcome::Failed(1))]);
    });
}

#[test]
fn a_truncated_script_runs_nothing() {
    under_both(|ground| {
        let parts = (0..5).map(|index| ground.file(&format!("f{index}"), &"x".repeat(2000))).collect();
        let text = ground.apply_text(&step(parts), &Marker::random());
        for cut in (0..text.len() - "kk_all </dev/null\nexit $?\n".len()).step_by(97) {
            ground.run(&text[..cut]);
        }
        assert!(!ground.path("f0").exists() && !ground.path("state").exists());
    });
}

#[test]
fn lines_in_a_shared_file_are_kept_in_place() {
    under_both(|ground| {
        let block = |content: &str| {
            step(vec![Part::Block(Block {
                path: ground.text("hosts"),
                marker: "sample hosts".into(),
                content: content.into(),
            })])
        };
        ground.write("hosts", "127.0.0.1 localhost\nno newline");
        let inode = ground.path("hosts").metadata().unwrap().ino();
        ground.make_hold(&block("10.0.0.1 a\n10.0.0.2 b\\c $(d) & \"e\"\n"));
        assert_eq!(
            ground.read("hosts"),
            "127.0.0.1 localhost\nno newline\n# BEGIN kk sample hosts\n10.0.0.1 a\n10.0.0.2 b\\c $(d) & \"e\"\n# END kk sample hosts\n"
        );
        ground.write("hosts", ground.read("hosts") + "10.9.9.9 later\n");
        ground.make_hold(&block("10.0.0.3 c\n"));
        assert_eq!(
            ground.read("hosts"),
            "127.0.0.1 localhost\nno newline\n# BEGIN kk sample hosts\n10.0.0.3 c\n# END kk sample hosts\n10.9.9.9 later\n"
        );
        ground.make_hold(&block(""));
        assert_eq!(ground.read("hosts"), "127.0.0.1 localhost\nno newline\n10.9.9.9 later\n");
        assert_eq!(ground.path("hosts").metadata().unwrap().ino(), inode);
    });
}

#[test]
fn a_block_that_was_half_written_is_finished() {
    under_both(|ground| {
        let path = ground.text("hosts");
        let aside = format!("state/blocks/{}", crate::digest::Digest::of(path.as_bytes()).hex());
        let block = Part::Block(Block { path, marker: "m".into(), content: "10.0.0.1 a\n".into() });
        for half in ["", "127.0.0.1 loc", "127.0.0.1 localhost\n# BEGIN kk m\n10.0.0.1 a\n# END kk m\nlast\n"] {
            ground.write(&aside, "127.0.0.1 localhost\n# BEGIN kk m\n10.0.0.1 a\n# END kk m\nlast\n");
            ground.write("hosts", half);
            ground.make_hold(&step(vec![block.clone()]));
            assert_eq!(ground.read("hosts"), "127.0.0.1 localhost\n# BEGIN kk m\n10.0.0.1 a\n# END kk m\nlast\n");
        }
        ground.write(&aside, "long gone\n");
        ground.write("hosts", "edited since\n");
        ground.make_hold(&step(vec![block.clone()]));
        assert_eq!(ground.read("hosts"), "edited since\n# BEGIN kk m\n10.0.0.1 a\n# END kk m\n");
        ground.write("hosts", "# BEGIN kk m\nnever closed\n");
        ground.make_hold(&step(vec![block]));
        assert_eq!(ground.read("hosts"), "never closed\n# BEGIN kk m\n10.0.0.1 a\n# END kk m\n");
    });
}

#[test]
fn commands_are_guarded_bounded_and_waited_for() {
    under_both(|ground| {
        let flag = ground.text("flag");
        let late = format!("(sleep 1; touch '{flag}') >/dev/null 2>&1 & cat");
        let mut part = crate::host::part::Command {
            title: "Touch the flag".into(),
            check: format!("[ -e '{flag}' ]"),
            apply: late,
            timeout: Duration::from_secs(5),
            settle: Duration::from_secs(10),
        };
        ground.make_hold(&step(vec![Part::Command(part.clone())]));
        assert_eq!(ground.apply(&step(vec![Part::Command(part.clone())])).0, []);

        std::fs::remove_file(ground.path("flag")).unwrap();
        part.settle = Duration::ZERO;
        part.apply = "echo tried".into();
        let (outcomes, stderr) = ground.apply(&step(vec![Part::Command(part.clone()), ground.file("never", "")]));
        assert_eq!(outcomes, [(0, Outcome::Failed(1))]);
        assert!(stderr.starts_with("tried\n") && stderr.contains("does not hold"), "{stderr}");
        assert!(!ground.path("never").exists());

        part.apply = "echo first\nfalse\necho never".into();
        let (outcomes, stderr) = ground.apply(&step(vec![Part::Command(part.clone())]));
        assert_eq!((outcomes, stderr.as_str()), (vec![(0, Outcome::Failed(1))], "first\n"));

        part.apply = "if then".into();
        assert_eq!(ground.apply(&step(vec![Part::Command(part.clone())])).0, [(0, Outcome::Failed(2))]);

        part.apply = "sleep 30".into();
        part.timeout = Duration::from_secs(1);
        let (outcomes, stderr) = ground.apply(&step(vec![Part::Command(part)]));
        assert_eq!(outcomes, [(0, Outcome::Failed(124))]);
        assert!(stderr.contains("did not end within 1 s"), "{stderr}");
    });
}

#[test]
fn a_command_behind_a_changed_file_is_looked_at_again() {
    under_both(|ground| {
        let copy = |ground: &Ground| {
            let (from, to) = (ground.text("config"), ground.text("loaded"));
            Part::command("Load", format!("cmp -s '{from}' '{to}'"), format!("cp '{from}' '{to}'"))
        };
        ground.make_hold(&step(vec![ground.file("config", "1"), copy(ground)]));
        let second = step(vec![ground.file("config", "2"), copy(ground)]);
        assert_eq!(ground.apply(&second).0, [(0, Outcome::Changed), (1, Outcome::Changed)]);
        assert_eq!(ground.read("loaded"), "2");
    });
}

#[test]
fn dangerous_removals_are_refused() {
    under_both(|ground| {
        for path in ["/", "", "relative", "/a/../..", "//", "/a//b", "/a/./b", "/.."] {
            let mut remove = String::new();
            Absent { path: path.into() }.apply(&mut remove);
            let (status, stdout, _) =
                ground.run(&format!("rm() {{ echo removed; }}\n{}\n{remove}\n", super::super::absent::SHELL));
            assert_eq!((status, stdout.as_str()), (1, ""), "{path}");
        }
    });
}
