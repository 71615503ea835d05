//! The script that makes a step hold, and what it says.

use std::fmt::Write as _;
use std::time::Duration;

use super::check::check_of;
use super::file::encoded_size;
use super::script::{CALL, Marker, Places, results, wrap};
use super::verdict::CHECK_SECONDS;
use super::{Part, Source};
use crate::host::Step;

/// How long a script waits at least for the lock of the host, in seconds: what a killed run left behind may still be
/// at work there.
const LOCK_SECONDS: u64 = 300;

/// What an application did to one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It held by the time the script came to it.
    Held,
    Changed,
    /// It could not be made to hold; the script stopped there. The exit status of what failed.
    Failed(i32),
}

/// A script that makes the differing parts hold, in their order, and stops at the first that it cannot.
///
/// It takes the host's lock and looks at each part again then: what a killed run left at work may have done it
/// meanwhile. Commands and units behind the first differing part are looked at too, since they may depend on it.
pub fn apply_script(step: &Step, differing: &[usize], places: &Places, marker: &Marker) -> String {
    let first = differing.iter().copied().min().unwrap_or(0);
    let chosen: Vec<usize> = (0..step.parts.len())
        .filter(|index| {
            let dependent = matches!(step.parts[*index], Part::Command(_) | Part::Unit(_));
            differing.contains(index) || (dependent && *index > first && !differing.is_empty())
        })
        .collect();
    let room = chosen.iter().map(|index| room(&step.parts[*index])).sum();
    wrap(&step.parts, places, marker, room, |body| {
        lock(lock_wait(step), body);
        for &index in &chosen {
            check_of(&step.parts[index], body);
            let _ = writeln!(body, "if [ $? -eq 0 ]; then kk_say {index} held; else");
            forget_starts(&step.parts[index..], body);
            body.push_str("(set -e; ");
            apply_of(step, &chosen, index, body);
            let _ = writeln!(body, ") >\"$kk_log\" 2>&1\nkk_done {index} $? || return 1\nfi");
        }
        for source in chosen.iter().filter_map(|index| step.parts[*index].source()) {
            let sha256 = source.sha256.hex();
            let _ = writeln!(body, "rm -f -- \"$kk_state\"/staging/{sha256} \"$kk_state\"/staging/{sha256}.part");
        }
        body.push_str("return 0");
    })
}

/// Waits for the lock of the host.
fn lock(wait: u64, body: &mut String) {
    let _ = write!(
        body,
        r#"mkdir -p -m 0700 -- "$kk_run" || return 1
exec 9>"$kk_run/lock"
flock -w {wait} 9 || {{ echo "another kk has been at work on this host for {wait} s" >&2; return 75; }}
kk_log=$kk_run/apply.log
"#
    );
}

/// Forgets that units were started behind a part that they may read: what changes it is to restart them, also when the
/// run is killed between the two.
fn forget_starts(parts: &[Part], body: &mut String) {
    let Some(Part::File(_) | Part::Symlink(_) | Part::Artifact(_) | Part::Archive(_)) = parts.first() else { return };
    for later in parts {
        if let Part::Unit(unit) = later {
            unit.forget(body);
        }
    }
}

/// The call that makes one part hold.
fn apply_of(step: &Step, chosen: &[usize], index: usize, body: &mut String) {
    match &step.parts[index] {
        Part::Directory(part) => part.apply(body),
        Part::File(part) => part.apply(body),
        Part::Block(part) => part.apply(body),
        Part::Absent(part) => part.apply(body),
        Part::Symlink(part) => part.apply(body),
        Part::Artifact(part) => part.apply(needed_later(step, chosen, index, &part.source), body),
        Part::Archive(part) => part.apply(body),
        Part::Unit(part) => part.apply(body),
        Part::Command(part) => part.apply(body),
    }
}

/// About how many bytes the check of a part and its application take.
fn room(part: &Part) -> usize {
    3 * CALL
        + match part {
            Part::File(part) => encoded_size(part.content.expose()),
            Part::Block(part) => 2 * encoded_size(&part.content),
            Part::Archive(part) => part.members.iter().map(|member| member.len() + 3).sum(),
            Part::Command(part) => (2 * part.check.len() + part.apply.len()) * 5 / 4,
            _ => 0,
        }
}

/// How long an application may take, the wait for the host's lock included.
pub fn apply_timeout(step: &Step) -> Duration {
    Duration::from_secs(lock_wait(step) + step_seconds(step) + 60)
}

/// What an application printed: what it did, part by part, in the order in which it came to them.
pub fn read_apply(step: &Step, marker: &Marker, stdout: &str) -> Vec<(usize, Outcome)> {
    let mut outcomes = Vec::new();
    for (index, words) in results(marker, stdout) {
        let outcome = match words.as_slice() {
            ["held"] => Outcome::Held,
            ["changed"] => Outcome::Changed,
            ["failed", status] => Outcome::Failed(status.parse().unwrap_or(-1)),
            _ => continue,
        };
        if index < step.parts.len() {
            outcomes.push((index, outcome));
        }
    }
    outcomes
}

impl Part {
    /// The bytes of the bundle that the part needs on the host.
    pub fn source(&self) -> Option<&Source> {
        match self {
            Part::Artifact(part) => Some(&part.source),
            Part::Archive(part) => Some(&part.source),
            _ => None,
        }
    }

    /// How long the part may take to be made to hold, uploads aside, in seconds.
    fn seconds(&self) -> u64 {
        match self {
            // At 10 MB/s, for hashing, copying and unpacking on a slow disk.
            Part::Artifact(_) | Part::Archive(_) => 60 + self.source().map_or(0, |source| source.size) / 10_000_000,
            // Once for the restart, once more for what follows the failure.
            Part::Unit(part) => part.timeout.as_secs() + 60,
            Part::Command(part) => part.timeout.as_secs() + part.settle.as_secs() + 2 * CHECK_SECONDS + 20,
            Part::Absent(_) => 600,
            Part::Directory(_) | Part::File(_) | Part::Block(_) | Part::Symlink(_) => 10,
        }
    }
}

fn step_seconds(step: &Step) -> u64 {
    step.parts.iter().map(Part::seconds).sum()
}

fn lock_wait(step: &Step) -> u64 {
    step_seconds(step).max(LOCK_SECONDS)
}

fn needed_later(step: &Step, chosen: &[usize], index: usize, source: &Source) -> bool {
    chosen
        .iter()
        .filter(|other| **other > index)
        .any(|other| step.parts[*other].source().is_some_and(|found| found.sha256 == source.sha256))
}
