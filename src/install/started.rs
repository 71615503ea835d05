//! Whether what runs began after the files that it has read were written, and starting it anew where it did not.

use std::time::Duration;

use crate::host::part::Part;

/// Shell text that succeeds if `kk_began` (seconds since 1970) is not before any of the files was written.
fn not_before(files: &[&str]) -> String {
    let mut text = String::new();
    for file in files {
        text.push_str(&format!("[ ! -e {file} ] || [ \"$kk_began\" -ge \"$(stat -L -c %Y {file})\" ] || exit 1\n"));
    }
    text
}

/// Shell text that takes back the time of files which a clock that was ahead has written: whatever begins now would never
/// seem to have read them.
fn written_by_now(files: &[&str]) -> String {
    let late = |file: &&str| {
        format!("[ ! -e {file} ] || [ \"$(stat -L -c %Y {file})\" -le \"$(date +%s)\" ] || touch {file}\n")
    };
    files.iter().map(late).collect()
}

/// Shell text that puts into `kk_began` when the main process of an active unit began, or fails.
pub(super) fn unit_began(unit: &str) -> String {
    format!(
        "systemctl is-active --quiet {unit} || exit 1\n\
         kk_began=$(TZ=UTC0 systemctl show -p ExecMainStartTimestamp --value {unit})\n\
         [ -n \"$kk_began\" ] && kk_began=$(date -d \"$kk_began\" +%s) || exit 1\n"
    )
}

/// The same for the running container of a static pod.
fn container_began(name: &str) -> String {
    format!(
        "kk_id=$(crictl ps -q --state running --name '^{name}$' | head -n 1)\n\
         [ -n \"$kk_id\" ] || exit 1\n\
         kk_began=$(crictl inspect -o go-template --template '{{{{.status.startedAt}}}}' \"$kk_id\")\n\
         [ -n \"$kk_began\" ] && kk_began=$(date -d \"$kk_began\" +%s) || exit 1\n"
    )
}

/// A unit that has read these files as they are now.
pub(super) fn restart_unit(unit: &str, files: &[&str]) -> Part {
    Part::command(
        format!("Restart {} where it began before its certificate was written", unit.trim_end_matches(".service")),
        format!("{}{}", unit_began(unit), not_before(files)),
        // A service that does not come up at once, because others do not yet either, may do so within the time for it.
        format!(
            "{}systemctl reset-failed {unit} 2>/dev/null || :\n\
                 timeout 180 systemctl restart {unit} || echo \"systemctl restart {unit} ended with status $?\" >&2",
            written_by_now(files)
        ),
    )
    .settling(Duration::from_secs(60))
}

/// A static pod whose container has read these files as they are now.
///
/// The kubelet starts what was stopped. Of what does not run it may just wait before the next attempt, for minutes; a
/// kubelet that begins anew does not.
pub(super) fn restart_container(name: &str, files: &[&str]) -> Part {
    Part::command(
            format!("Restart {name} where it began before its certificates were written"),
            format!("{}{}", container_began(name), not_before(files)),
            format!(
                "{}kk_ids=$(crictl ps -q --state running --name '^{name}$')\n\
                 if [ -n \"$kk_ids\" ]; then for kk_id in $kk_ids; do crictl stop --timeout 30 \"$kk_id\" >/dev/null; done\n\
                 else systemctl restart kubelet.service; fi",
                written_by_now(files)
            ),
        )
    .settling(Duration::from_secs(300))
}
