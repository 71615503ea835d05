//! Archives of the bundle, unpacked beside their place and moved file by file, so that a running binary can be
//! replaced. A record of what lies there afterwards makes the check a single `stat`.

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::Archive;
use super::artifact::with_status;
use crate::digest::Digest;
use crate::host::Word;

/// The record is two files: the names, each ended by a zero byte, and what `stat` said of them. The first line of the
/// second says what was asked for.
const SHELL: &str = r#"
kk_stat_archive() {
  printf '%s\n' "$2"
  cd -- "$1" && TZ=UTC0 xargs -0 -r stat -c '%a %s %y %n' -- <"$3"
}
kk_holds_archive() {
  kk_record=$kk_state/archives/$1
  [ -f "$kk_record.names" ] && [ -f "$kk_record" ] && [ -d "$3" ] || return 1
  [ "$(kk_stat_archive "$3" "$4" "$kk_record.names" 2>/dev/null | kk_sum)" = "$(kk_sum <"$kk_record")" ]
}
kk_check_archive() {
  kk_holds_archive "$@" && return 0
  ! kk_is_staged "$2" || return kk_no_upload
  return 1
}
kk_apply_archive() {
  kk_name=$1 kk_sha=$2 kk_into=$3 kk_asked=$4 kk_strip=$5
  shift 5
  kk_staged "$kk_sha"
  kk_record=$kk_state/archives/$kk_name
  kk_temp=$kk_into/.$kk_name.kk
  kk_folder archives
  mkdir -p -- "$kk_into"
  rm -f -- "$kk_record"
  rm -rf -- "$kk_temp"
  mkdir -m 0700 -- "$kk_temp"
  tar -xf "$kk_stage" -C "$kk_temp" --no-same-owner --strip-components="$kk_strip" -- "$@"
  cd -- "$kk_temp"
  find . ! -type d -print0 >"$kk_record.names"
  [ -s "$kk_record.names" ] || { echo "the archive holds none of the asked files" >&2; return 1; }
  find . -type f -exec sync -- {} + || sync
  find . -mindepth 1 -type d -exec sh -c 'into=$1; shift; for each; do mkdir -p -- "$into/$each" || exit 1; done' \
    sh "$kk_into" {} +
  xargs -0 sh -c 'into=$1; shift; for each; do mv -fT -- "$each" "$into/$each" || exit 1; done' \
    sh "$kk_into" <"$kk_record.names"
  cd /
  rm -rf -- "$kk_temp"
  (kk_stat_archive "$kk_into" "$kk_asked" "$kk_record.names") >"$kk_record.new"
  mv -fT -- "$kk_record.new" "$kk_record"
}
"#;

/// The functions of archives.
pub(super) static FUNCTIONS: LazyLock<String> = LazyLock::new(|| with_status(SHELL));

impl Archive {
    /// What is asked for, as one word: another digest, folder or list of members makes the record void.
    fn asked(&self) -> String {
        let text = format!("{}\n{}\n{}\n{}", self.source.sha256, self.directory, self.strip, self.members.join("\n"));
        Digest::of(text.as_bytes()).hex()
    }

    /// A call of this function with the words that all of them take.
    fn call(&self, function: &str, out: &mut String) {
        let (name, sha256, directory) = (Word(&self.name), self.source.sha256.hex(), Word(&self.directory));
        let _ = write!(out, "{function} {name} {sha256} {directory} {}", self.asked());
    }

    pub(super) fn check(&self, out: &mut String) {
        self.call("kk_check_archive", out);
    }

    pub(super) fn apply(&self, out: &mut String) {
        self.call("kk_apply_archive", out);
        let _ = write!(out, " {}", self.strip);
        for member in &self.members {
            let _ = write!(out, " {}", Word(member));
        }
    }
}
