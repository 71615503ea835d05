//! The frame around every script.

/// Frames a script for the standard input of `sh -s`.
///
/// - All is one compound command, so a shell that loses its connection halfway through the text has run nothing.
/// - `marker` goes to stdout and stderr first: what stands before it is noise of the login shell or of sudo.
/// - The script's own standard input is empty. The shell's stays open: when it ends before the script does, `kk` is
///   gone or has given up, and the script is ended with all that it started, so that it cannot work against the next
///   run. Services that it had systemd start are no children of it and stay.
/// - sudo and sshd set differing paths, umasks and locales; they are made equal.
pub(super) fn frame(script: &str, marker: &str) -> String {
    format!(
        r#"{{
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
LC_ALL=C
export PATH LC_ALL
umask 022
cd /
kk_main() {{
:
{script}
}}
kk_end() {{
for kk_child in $(cat /proc/"$1"/task/*/children 2>/dev/null; kill -TERM "$1" 2>/dev/null)
do
[ "$kk_child" = "$kk_self" ] || kk_end "$kk_child"
done
}}
exec 3<&0
(
read -r kk_self kk_line </proc/self/stat
while read -r kk_line <&3; do :; done
kk_end $$
) </dev/null >/dev/null 2>&1 &
kk_watch=$!
echo {marker}
echo {marker} >&2
(kk_main) </dev/null 3<&-
kk_status=$?
exec 2>/dev/null
kill $kk_watch
exit $kk_status
}}
"#
    )
}

/// What follows the line that is `marker`; `None` where there is no such line.
pub(super) fn after_marker<'a>(output: &'a [u8], marker: &str) -> Option<&'a [u8]> {
    let mut rest = output;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        let tail = tail.get(1..).unwrap_or_default();
        // Noise may lack a newline of its own before the marker.
        if line.ends_with(marker.as_bytes()) {
            return Some(tail);
        }
        rest = tail;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Output, Stdio};

    use super::*;

    fn feed(text: &str) -> Output {
        let mut child = Command::new("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        output
    }

    #[test]
    fn a_script_keeps_its_status_and_output() {
        let output = feed(&frame("cat; echo out; echo err >&2; exit 7; echo no", "mark-1"));
        assert_eq!(output.status.code(), Some(7));
        assert_eq!(after_marker(&output.stdout, "mark-1"), Some(&b"out\n"[..]));
        assert_eq!(after_marker(&output.stderr, "mark-1"), Some(&b"err\n"[..]));
    }

    #[test]
    fn errexit_holds_inside() {
        let output = feed(&frame("set -e\nfalse\necho reached", "m"));
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(after_marker(&output.stdout, "m"), Some(&b""[..]));
    }

    #[test]
    fn half_a_script_does_nothing() {
        let whole = frame("echo ran", "m");
        for share in [3, 2] {
            let mut child =
                Command::new("sh").arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
            let child = child.as_mut().unwrap();
            child.stdin.take().unwrap().write_all(&whole.as_bytes()[..whole.len() * (share - 1) / share]).unwrap();
            let mut printed = String::new();
            std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut printed).unwrap();
            assert!(!child.wait().unwrap().success());
            assert_eq!(printed, "");
        }
    }

    #[test]
    fn a_script_ends_with_its_connection() {
        let mut child = Command::new("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(frame("sleep 60\necho after", "m").as_bytes()).unwrap();
        let started = std::time::Instant::now();
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success());
        assert!(started.elapsed().as_secs() < 20);
        assert_eq!(after_marker(&output.stdout, "m"), Some(&b""[..]));
    }

    #[test]
    fn noise_before_the_marker_is_dropped() {
        assert_eq!(after_marker(b"hello\nno newlinem1\nx\n", "m1"), Some(&b"x\n"[..]));
        assert_eq!(after_marker(b"m1", "m1"), Some(&b""[..]));
        assert_eq!(after_marker(b"nothing\n", "m1"), None);
        assert_eq!(after_marker(b"", "m1"), None);
    }
}
