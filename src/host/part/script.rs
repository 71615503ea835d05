//! The scripts that check a step and make it hold, and what they print.
//!
//! A script is one function and a call of it at the very end: a text that was cut off on its way is a syntax error and
//! runs nothing. Result lines begin with a random word that only this script and its reader know, so nothing that a
//! host holds or a command prints can be taken for one.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};

pub use super::apply::{Outcome, apply_script, apply_timeout, read_apply};
pub use super::check::{Verdict, check_script, check_timeout, read_check};
pub use super::staging::staging_script;
use super::{Part, Source, absent, archive, artifact, block, command, directory, file, symlink, unit};
use crate::digest::Digest;
use crate::host::Word;

/// Where `kk` keeps its records on a host.
#[derive(Clone, Debug)]
pub struct Places {
    /// Survives a restart: stamps, records, staging.
    pub state: String,
    /// Does not: the lock, the output of the command that runs.
    pub run: String,
    /// Search path for commands. Set, because sudo's own leaves out /usr/local/bin on some distributions.
    pub path: String,
    /// Names of hosts that the run does without, with spaces between: commands find them as `KK_LEFT_OUT` and do not wait for
    /// them.
    pub left_out: String,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            state: "/var/lib/kk".into(),
            run: "/run/kk".into(),
            path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
            left_out: String::new(),
        }
    }
}

impl Places {
    /// Where the bytes of this source are uploaded to; the script that uses them checks them first.
    pub fn upload_path(&self, source: &Source) -> String {
        format!("{}.part", self.checked_path(&source.sha256))
    }

    /// Where bytes of this digest lie once they have been checked: scripts that find them there do not check them again.
    pub fn checked_path(&self, sha256: &Digest) -> String {
        format!("{}/staging/{}", self.state, sha256.hex())
    }
}

/// 64 bits from a hasher that the operating system's randomness keys: for names that must not meet, and no secret.
pub fn random_word() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The word that result lines begin with: 128 random bits.
#[derive(Clone, Debug)]
pub struct Marker(String);

impl Marker {
    /// A new one; each script gets its own.
    pub fn random() -> Self {
        Self(format!("kk-{:016x}{:016x}", random_word(), random_word()))
    }
}

/// One whole script: the functions that these parts need, then the body as a function, then its call.
///
/// It outlives a lost connection: a hang-up is ignored, and a broken pipe only makes the result line fail. Commands
/// that the script starts get the usual treatment of a broken pipe back, as signals that are caught are reset.
///
/// `room` is about how many bytes the body will have.
pub(super) fn wrap(
    parts: &[Part],
    places: &Places,
    marker: &Marker,
    room: usize,
    body: impl FnOnce(&mut String),
) -> String {
    let functions = functions(parts);
    let fixed: usize = functions.iter().map(|text| text.len()).sum();
    // Room for all of it: a text that grows leaves copies of the secrets in it behind.
    let words = places.path.len() + places.left_out.len() + places.state.len() + places.run.len();
    let mut script = String::with_capacity(FRAME + words + fixed + room);
    let (path, left_out) = (Word(&places.path), Word(&places.left_out));
    let (marker, state, run) = (&marker.0, Word(&places.state), Word(&places.run));
    let _ = write!(
        script,
        "kk_all() {{\ntrap '' HUP\ntrap : PIPE\nLC_ALL=C PATH={path} KK_LEFT_OUT={left_out}
export LC_ALL PATH KK_LEFT_OUT\numask 022\nkk_marker={marker} kk_state={state} kk_run={run}\n"
    );
    for text in functions {
        script.push_str(text);
    }
    script.push_str("kk_body() {\n");
    body(&mut script);
    script.push_str("\n}\nkk_body\n}\nkk_all </dev/null\nexit $?\n");
    script
}

/// Bytes that a script has room for besides functions and body.
const FRAME: usize = 1 << 10;

/// Bytes that are room enough for the call of one function, besides contents and commands.
pub(super) const CALL: usize = 320;

/// The functions that these parts need, each once.
fn functions(parts: &[Part]) -> Vec<&'static str> {
    let mut functions: Vec<&'static str> = vec![file::COMMON];
    for part in parts {
        let (own, shared): (&'static str, Option<&'static str>) = match part {
            Part::Directory(_) => (directory::SHELL, None),
            Part::File(_) => (file::SHELL, None),
            Part::Block(_) => (block::SHELL, None),
            Part::Absent(_) => (absent::SHELL, None),
            Part::Symlink(_) => (symlink::SHELL, None),
            Part::Artifact(_) => (artifact::FUNCTIONS.as_str(), Some(artifact::STAGING)),
            Part::Archive(_) => (archive::FUNCTIONS.as_str(), Some(artifact::STAGING)),
            Part::Unit(_) => (unit::SHELL, None),
            Part::Command(_) => (command::FUNCTIONS.as_str(), None),
        };
        for text in shared.into_iter().chain([own]) {
            if !functions.iter().any(|known| std::ptr::eq(*known, text)) {
                functions.push(text);
            }
        }
    }
    functions.push(DONE);
    functions
}

/// What is said of a part that was made to hold, or could not be.
const DONE: &str = r#"
kk_done() {
  if [ "$2" -eq 0 ]; then kk_say "$1" changed; return 0; fi
  kk_say "$1" failed "$2"
  tail -c 16384 -- "$kk_log" >&2
  return 1
}
"#;

/// The lines that carry the marker: the part's index, then the words behind it.
pub(super) fn results<'a>(marker: &'a Marker, stdout: &'a str) -> impl Iterator<Item = (usize, Vec<&'a str>)> {
    stdout.lines().filter_map(|line| {
        let mut words = line.strip_prefix(marker.0.as_str())?.strip_prefix(' ')?.split(' ');
        Some((words.next()?.parse().ok()?, words.collect()))
    })
}
