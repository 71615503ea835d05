//! The scripts that check a step and make it hold, and what they print.
//!
//! A script is one function and a call of it at the very end: a text that was cut off on its way is a syntax error and
//! runs nothing. Result lines begin with a random word that only this script and its reader know, so nothing that a
//! host holds or a command prints can be taken for one.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use super::{Part, Source, absent, archive, artifact, block, command, directory, file, symlink, unit};
use crate::host::Step;

/// How long a guard's check may take, in seconds; one that hangs does not hold.
pub(super) const CHECK_SECONDS: u64 = 60;

/// Exit status of a check: it differs, but the bytes are on the host already.
pub(super) const NO_UPLOAD: u8 = 3;

/// How long a script waits at least for the lock of the host, in seconds: what a killed run left behind may still be
/// at work there.
const LOCK_SECONDS: u64 = 300;

/// Where `kk` keeps its records on a host.
#[derive(Clone, Debug)]
pub struct Places {
    /// Survives a restart: stamps, records, staging.
    pub state: String,
    /// Does not: the lock, the output of the command that runs.
    pub run: String,
    /// Search path for commands. Set, because sudo's own leaves out /usr/local/bin on some distributions.
    pub path: String,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            state: "/var/lib/kk".into(),
            run: "/run/kk".into(),
            path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
        }
    }
}

impl Places {
    /// Where the bytes of this source are uploaded to; the script that uses them checks them first.
    pub fn upload_path(&self, source: &Source) -> String {
        format!("{}/staging/{}.part", self.state, source.sha256.hex())
    }
}

/// The word that result lines begin with: 128 bits from hashers that the operating system's randomness keys.
#[derive(Clone, Debug)]
pub struct Marker(String);

impl Marker {
    /// A new one; each script gets its own.
    pub fn random() -> Self {
        let word = || RandomState::new().build_hasher().finish();
        Self(format!("kk-{:016x}{:016x}", word(), word()))
    }
}

/// What a check says of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    /// `upload`: its bytes are not on the host yet.
    Differs {
        upload: bool,
    },
}

/// What an application did to one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It held by the time the script came to it.
    Held,
    Changed,
    /// It could not be made to hold; the script stopped there. The exit status of what failed.
    Failed(i32),
}

/// A script that checks all parts and changes nothing.
pub fn check_script(step: &Step, places: &Places, marker: &Marker) -> String {
    let mut body = String::new();
    for (index, part) in step.parts.iter().enumerate() {
        let _ = writeln!(body, "({}) >/dev/null 2>&1\nkk_say {index} $?", check_of(part));
    }
    wrap(step.parts.iter(), places, marker, &body)
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

/// A script that makes the folder for uploads and sees to it that they fit on the disk.
pub fn staging_script(sources: &[&Source], places: &Places) -> String {
    let kib = sources.iter().map(|source| source.size).sum::<u64>().div_ceil(1024);
    // What is placed lies beside what it was unpacked from for a moment.
    let needed = kib * 2;
    let body = format!(
        r#"kk_folder staging || return 1
find "$kk_state/staging" -type f -mtime +1 -exec rm -f -- {{}} +
kk_free=$(df -Pk -- "$kk_state/staging" | awk 'NR == 2 {{ print $4 }}')
[ "${{kk_free:-0}}" -ge {needed} ] && return 0
echo "$kk_state has $((${{kk_free:-0}} / 1024)) MiB free and {} MiB are needed" >&2
return 28"#,
        needed.div_ceil(1024)
    );
    wrap([].into_iter(), places, &Marker::random(), &body)
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
    let wait = lock_wait(step);
    let mut body = format!(
        r#"mkdir -p -m 0700 -- "$kk_run" || return 1
exec 9>"$kk_run/lock"
flock -w {wait} 9 || {{ echo "another kk has been at work on this host for {wait} s" >&2; return 75; }}
kk_log=$kk_run/apply.log
"#
    );
    for &index in &chosen {
        let part = &step.parts[index];
        let apply = match part {
            Part::Directory(part) => part.apply(),
            Part::File(part) => part.apply(),
            Part::Block(part) => part.apply(),
            Part::Absent(part) => part.apply(),
            Part::Symlink(part) => part.apply(),
            Part::Artifact(part) => part.apply(needed_later(step, &chosen, index, &part.source)),
            Part::Archive(part) => part.apply(),
            Part::Unit(part) => part.apply(),
            Part::Command(part) => part.apply(),
        };
        let _ = writeln!(body, "({}) >/dev/null 2>&1\nif [ $? -eq 0 ]; then kk_say {index} held; else", check_of(part));
        if matches!(part, Part::File(_) | Part::Symlink(_) | Part::Artifact(_) | Part::Archive(_)) {
            for later in &step.parts[index..] {
                if let Part::Unit(unit) = later {
                    let _ = writeln!(body, "{}", unit.forget());
                }
            }
        }
        let _ = writeln!(body, "(set -e; {apply}) >\"$kk_log\" 2>&1\nkk_done {index} $? || return 1\nfi",);
    }
    for source in chosen.iter().filter_map(|index| step.parts[*index].source()) {
        let _ =
            writeln!(body, "rm -f -- \"$kk_state\"/staging/{0} \"$kk_state\"/staging/{0}.part", source.sha256.hex());
    }
    body.push_str("return 0");
    wrap(step.parts.iter(), places, marker, &body)
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

fn check_of(part: &Part) -> String {
    match part {
        Part::Directory(part) => part.check(),
        Part::File(part) => part.check(),
        Part::Block(part) => part.check(),
        Part::Absent(part) => part.check(),
        Part::Symlink(part) => part.check(),
        Part::Artifact(part) => part.check(),
        Part::Archive(part) => part.check(),
        Part::Unit(part) => part.check(),
        Part::Command(part) => part.check(),
    }
}

/// One whole script: the functions that these parts need, then the body as a function, then its call.
///
/// It outlives a lost connection: a hang-up is ignored, and a broken pipe only makes the result line fail. Commands
/// that the script starts get the usual treatment of a broken pipe back, as signals that are caught are reset.
pub(super) fn wrap<'a>(parts: impl Iterator<Item = &'a Part>, places: &Places, marker: &Marker, body: &str) -> String {
    let mut functions: Vec<String> = Vec::new();
    for part in parts {
        let texts = match part {
            Part::Directory(_) => vec![directory::SHELL.to_owned()],
            Part::File(_) => vec![file::SHELL.to_owned()],
            Part::Block(_) => vec![block::SHELL.to_owned()],
            Part::Absent(_) => vec![absent::SHELL.to_owned()],
            Part::Symlink(_) => vec![symlink::SHELL.to_owned()],
            Part::Artifact(_) => vec![artifact::STAGING.to_owned(), artifact::shell(artifact::SHELL)],
            Part::Archive(_) => vec![artifact::STAGING.to_owned(), artifact::shell(archive::SHELL)],
            Part::Unit(_) => vec![unit::SHELL.to_owned()],
            Part::Command(_) => vec![command::shell()],
        };
        for text in texts {
            if !functions.contains(&text) {
                functions.push(text);
            }
        }
    }
    format!(
        r#"kk_all() {{
trap '' HUP
trap : PIPE
LC_ALL=C PATH={path}
export LC_ALL PATH
umask 022
kk_marker={marker} kk_state={state} kk_run={run}
{common}{functions}
kk_done() {{
  if [ "$2" -eq 0 ]; then kk_say "$1" changed; return 0; fi
  kk_say "$1" failed "$2"
  tail -c 16384 -- "$kk_log" >&2
  return 1
}}
kk_body() {{
{body}
}}
kk_body
}}
kk_all </dev/null
exit $?
"#,
        path = quote(&places.path),
        marker = marker.0,
        state = quote(&places.state),
        run = quote(&places.run),
        common = file::COMMON,
        functions = functions.concat(),
    )
}

/// The lines that carry the marker: the part's index, then the words behind it.
pub(super) fn results<'a>(marker: &'a Marker, stdout: &'a str) -> impl Iterator<Item = (usize, Vec<&'a str>)> {
    stdout.lines().filter_map(|line| {
        let mut words = line.strip_prefix(marker.0.as_str())?.strip_prefix(' ')?.split(' ');
        Some((words.next()?.parse().ok()?, words.collect()))
    })
}

/// A text as one word of a POSIX shell.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
