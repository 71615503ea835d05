//! Files of the bundle that are placed as they are, and the staging that archives share.
//!
//! Hashing every binary of a host at every run would take seconds, so what was placed is remembered by its size and
//! modification time. Where there is no such stamp, or it does not fit, the file itself is hashed.

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::Artifact;
use super::file::UserAndGroup;
use super::verdict::NO_UPLOAD;
use crate::digest::Digest;
use crate::host::Word;

/// What is common to everything that is uploaded: `kk_staged` succeeds when the bytes are there, whole and checked.
///
/// Uploads are not written through, for speed. So what was checked before the host started anew may have lost its end with
/// the power, and is checked once more.
pub(super) const STAGING: &str = r#"
kk_is_staged() {
  kk_stage=$kk_state/staging/$1
  [ -f "$kk_stage" ] || return 1
  kk_booted=$(sed -n 's/^btime //p' /proc/stat)
  [ "$(stat -c %Y -- "$kk_stage")" -lt "${kk_booted:-0}" ] || return 0
  [ "$(kk_sum <"$kk_stage")" = "$1" ] && touch -- "$kk_stage" && return 0
  rm -f -- "$kk_stage"
  return 1
}
kk_staged() {
  ! kk_is_staged "$1" || return 0
  [ -f "$kk_stage.part" ] || { echo "$kk_stage.part was not uploaded" >&2; return 1; }
  kk_got=$(kk_sum <"$kk_stage.part") || return 1
  [ "$kk_got" = "$1" ] || { echo "$kk_stage.part arrived as sha256:$kk_got" >&2; rm -f -- "$kk_stage.part"; return 1; }
  mv -fT -- "$kk_stage.part" "$kk_stage"
}
kk_stat() { TZ=UTC0 stat -c '%s %y' -- "$1"; }
"#;

const SHELL: &str = r#"
kk_holds_artifact() {
  [ -f "$1" ] && [ ! -L "$1" ] || return 1
  kk_stamp=$kk_state/files/$4
  kk_seen=$(kk_stat "$1") || return 1
  [ ! -f "$kk_stamp" ] || [ "$(cat -- "$kk_stamp")" != "$2 $kk_seen" ] || return 0
  [ "${kk_seen%% *}" = "$3" ] && [ "$(kk_sum <"$1")" = "$2" ] || return 1
  [ ! -d "$kk_state" ] || { kk_folder files && printf '%s\n' "$2 $kk_seen" >"$kk_stamp"; }
  return 0
}
kk_check_artifact() {
  if kk_holds_artifact "$1" "$2" "$3" "$4"; then
    kk_attributes "$1" "$5" "$6" "$7" || return kk_no_upload
  else
    ! kk_is_staged "$2" || return kk_no_upload
    return 1
  fi
}
kk_apply_artifact() {
  if kk_holds_artifact "$1" "$2" "$3" "$4"; then
    chown -- "$6" "$1"
    chmod "$5" "$1"
    return 0
  fi
  kk_staged "$2"
  kk_parents "$1"
  kk_folder files
  kk_temp=$(kk_temporary "$1")
  rm -rf -- "$kk_temp"
  if [ "$7" = keep ]; then cp -- "$kk_stage" "$kk_temp"; else mv -f -- "$kk_stage" "$kk_temp"; fi
  sync -- "$kk_temp" || sync
  rm -f -- "$kk_state/files/$4"
  kk_place "$kk_temp" "$1" "$5" "$6"
  printf '%s\n' "$2 $(kk_stat "$1")" >"$kk_state/files/$4"
}
"#;

impl Artifact {
    /// A call of this function with the words that all of them take.
    fn call(&self, function: &str, out: &mut String) {
        let stamp = Digest::of(self.path.as_bytes()).hex();
        let (path, sha256, size, mode) = (Word(&self.path), self.source.sha256.hex(), self.source.size, self.mode);
        let _ = write!(out, "{function} {path} {sha256} {size} {stamp} {mode:o} ");
    }

    pub(super) fn check(&self, out: &mut String) {
        self.call("kk_check_artifact", out);
        let _ = write!(out, "{}", UserAndGroup(&self.owner));
    }

    /// `keep`: a later part of the same script needs the staged bytes too.
    pub(super) fn apply(&self, keep: bool, out: &mut String) {
        self.call("kk_apply_artifact", out);
        let _ = write!(out, "{} {}", Word(&self.owner), if keep { "keep" } else { "move" });
    }
}

/// The functions with the number of the status filled in that means "differs, but nothing need be uploaded".
pub(super) fn with_status(text: &str) -> String {
    text.replace("kk_no_upload", &NO_UPLOAD.to_string())
}

/// The functions of artifacts.
pub(super) static FUNCTIONS: LazyLock<String> = LazyLock::new(|| with_status(SHELL));
