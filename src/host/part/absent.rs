//! Files and folders that must not be there.

use std::fmt::Write as _;

use super::Absent;
use crate::host::Word;

/// A mount point cannot be removed from inside; it is as good as absent when it is empty. Mounts further down are left
/// alone: their data is not ours.
pub(super) const SHELL: &str = r#"
kk_check_absent() {
  [ ! -e "$1" ] && [ ! -L "$1" ] && return 0
  [ -d "$1" ] && [ ! -L "$1" ] && [ -z "$(ls -A -- "$1")" ] && mountpoint -q -- "$1"
}
kk_apply_absent() {
  case $1 in
    '' | / | [!/]* | */.. | */../* | */. | */./* | *//*) echo "refusing to remove \"$1\"" >&2; return 1 ;;
  esac
  rm -rf --one-file-system -- "$1" || kk_check_absent "$1"
}
"#;

impl Absent {
    pub(super) fn check(&self, out: &mut String) {
        let _ = write!(out, "kk_check_absent {}", Word(self.path.trim_end_matches('/')));
    }

    pub(super) fn apply(&self, out: &mut String) {
        let _ = write!(out, "kk_apply_absent {}", Word(self.path.trim_end_matches('/')));
    }
}
