//! The script that checks a step, and what it says.

use std::fmt::Write as _;
use std::time::Duration;

use super::Part;
use super::file::encoded_size;
use super::script::{CALL, Marker, Places, results, wrap};
use super::verdict::{CHECK_SECONDS, NO_UPLOAD};
use crate::host::Step;

/// What a check says of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    /// `upload`: its bytes are not on the host yet.
    Differs {
        upload: bool,
    },
}

/// A script that checks all parts and changes nothing.
pub fn check_script(step: &Step, places: &Places, marker: &Marker) -> String {
    let room = step.parts.iter().map(room).sum();
    wrap(&step.parts, places, marker, room, |body| {
        for (index, part) in step.parts.iter().enumerate() {
            check_of(part, body);
            let _ = writeln!(body, "kk_say {index} $?");
        }
    })
}

/// About how many bytes the check of a part takes.
fn room(part: &Part) -> usize {
    CALL + match part {
        Part::Block(part) => encoded_size(&part.content),
        Part::Command(part) => part.check.len() * 5 / 4,
        _ => 0,
    }
}

/// How long a check may take.
pub fn check_timeout(step: &Step) -> Duration {
    let commands = step.parts.iter().filter(|part| matches!(part, Part::Command(_))).count() as u64;
    Duration::from_secs(120 + CHECK_SECONDS * commands)
}

/// What a check printed, one verdict a part. `None` where the script did not come to its end.
pub fn read_check(step: &Step, marker: &Marker, stdout: &str) -> Option<Vec<Verdict>> {
    let mut verdicts = vec![None; step.parts.len()];
    for (index, words) in results(marker, stdout) {
        let (Some(slot), Some(Ok(status))) = (verdicts.get_mut(index), words.first().map(|word| word.parse::<i32>()))
        else {
            continue;
        };
        let heavy = step.parts[index].source().is_some();
        *slot = Some(match status {
            0 => Verdict::Holds,
            status => Verdict::Differs { upload: heavy && status != i32::from(NO_UPLOAD) },
        });
    }
    verdicts.into_iter().collect()
}

/// The call that checks one part; its exit status is the verdict.
pub(super) fn check_of(part: &Part, body: &mut String) {
    body.push('(');
    match part {
        Part::Directory(part) => part.check(body),
        Part::File(part) => part.check(body),
        Part::Block(part) => part.check(body),
        Part::Absent(part) => part.check(body),
        Part::Symlink(part) => part.check(body),
        Part::Artifact(part) => part.check(body),
        Part::Archive(part) => part.check(body),
        Part::Unit(part) => part.check(body),
        Part::Command(part) => part.check(body),
    }
    body.push_str(") >/dev/null 2>&1\n");
}
