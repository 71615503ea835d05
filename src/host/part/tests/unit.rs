use std::os::unix::fs::PermissionsExt;

use super::*;

/// Enough of systemctl to see what is asked of it; units live as files in a folder. The real one is met in the lab.
const SYSTEMCTL: &str = r#"#!/bin/sh
cd "${0%/*}/../units" || exit 1
echo "$*" >>../asked
verb=$1
for name; do :; done
case $verb in
  show)
    if [ -e "$name" ]; then echo LoadState=loaded; else echo LoadState=not-found; fi
    if [ -e "$name.active" ]; then echo "ActiveState=$(cat "$name.active")"; else echo ActiveState=inactive; fi
    if [ -e "$name.enabled" ]; then echo UnitFileState=enabled; else echo UnitFileState=disabled; fi ;;
  enable) touch "$name.enabled" ;;
  disable) rm -f "$name.enabled" ;;
  restart) if grep -q good "$name"; then echo active; else echo failed; fi >"$name.active"; grep -q good "$name" ;;
  stop) rm -f "$name.active" ;;
  status) echo "the status of $name"; exit 3 ;;
esac
"#;

fn ground_with_systemctl(ground: &Ground) {
    for (name, text) in [("bin/systemctl", SYSTEMCTL), ("bin/journalctl", "#!/bin/sh\necho the journal says why\n")] {
        ground.write(name, text);
        std::fs::set_permissions(ground.path(name), PermissionsExt::from_mode(0o755)).unwrap();
    }
    ground.write("units/none", "");
}

fn service(name: &str, version: &str, running: bool) -> Part {
    Part::Unit(Unit {
        name: name.into(),
        enabled: running,
        running,
        version: version.into(),
        timeout: Duration::from_secs(5),
    })
}

fn restarts(ground: &Ground) -> usize {
    ground.read("asked").lines().filter(|line| line.starts_with("restart")).count()
}

#[test]
fn a_service_is_started_once_for_each_version() {
    under_both(|ground| {
        ground_with_systemctl(ground);
        let first = step(vec![ground.file("units/a.service", "good 1"), service("a.service", "1", true)]);
        ground.make_hold(&first);
        assert_eq!((ground.apply(&first).0, restarts(ground)), (vec![], 1));
        let second = step(vec![ground.file("units/a.service", "good 1"), service("a.service", "2", true)]);
        assert_eq!(ground.apply(&second).0, [(1, Outcome::Changed)]);
        assert_eq!((ground.holds(&second), restarts(ground)), (true, 2));

        ground.write("units/a.service", "good, but altered by hand");
        assert_eq!(ground.apply(&second).0, [(0, Outcome::Changed), (1, Outcome::Changed)]);
        assert_eq!(restarts(ground), 3, "the service may have read the altered file");

        std::fs::remove_file(ground.path("units/a.service.enabled")).unwrap();
        assert_eq!(ground.apply(&second).0, [(1, Outcome::Changed)]);
        assert_eq!(restarts(ground), 3, "enabling needs no restart");

        let stopped = step(vec![service("a.service", "", false), service("gone.service", "", false)]);
        assert_eq!(ground.apply(&stopped).0[0], (0, Outcome::Changed));
        assert!(ground.holds(&stopped));
    });
}

#[test]
fn a_service_that_does_not_start_is_told_with_its_journal() {
    under_both(|ground| {
        ground_with_systemctl(ground);
        let bad = step(vec![ground.file("units/a.service", "bad"), service("a.service", "1", true)]);
        let (outcomes, stderr) = ground.apply(&bad);
        assert_eq!(outcomes, [(0, Outcome::Changed), (1, Outcome::Failed(1))]);
        for expected in ["was started and is failed", "the status of a.service", "the journal says why"] {
            assert!(stderr.contains(expected), "{stderr}");
        }
        let good = step(vec![ground.file("units/a.service", "good"), service("a.service", "1", true)]);
        ground.make_hold(&good);
    });
}
