//! Commands with a guard.
//!
//! A text reaches its shell through a pipe, never as an argument, so it shows in no process list. `timeout` keeps the
//! lock of the host open while the text runs, even if the script around it is killed; the text itself does not, so a
//! daemon that it leaves behind does not hold the lock for ever.

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::Command;
use super::verdict::CHECK_SECONDS;
use crate::host::Word;

const SHELL: &str = r#"
kk_text() {
  printf '%s' "$2" | timeout -k 10 "$1" sh -c 'kk_text=$(cat); exec 9>&- </dev/null; set -e; eval "$kk_text"'
}
kk_check_command() { kk_text kk_check_seconds "$1"; }
kk_apply_command() {
  kk_status=0
  kk_text "$3" "$2" || kk_status=$?
  case $kk_status in
    0) ;;
    124 | 137) echo "it did not end within $3 s" >&2; return "$kk_status" ;;
    *) return "$kk_status" ;;
  esac
  kk_until=$(($(kk_now) + $4))
  until kk_text kk_check_seconds "$1" >"$kk_run/check.log" 2>&1; do
    if [ "$(kk_now)" -ge "$kk_until" ]; then
      echo "the command ended well, but what it is for does not hold after $4 s" >&2
      tail -c 4096 -- "$kk_run/check.log" >&2
      return 1
    fi
    sleep 1
  done
}
"#;

/// The functions with the longest time of a check filled in.
pub(super) static FUNCTIONS: LazyLock<String> =
    LazyLock::new(|| SHELL.replace("kk_check_seconds", &CHECK_SECONDS.to_string()));

impl Command {
    pub(super) fn check(&self, out: &mut String) {
        let _ = write!(out, "kk_check_command {}", Word(&self.check));
    }

    pub(super) fn apply(&self, out: &mut String) {
        let (timeout, settle) = (self.timeout.as_secs().max(1), self.settle.as_secs());
        let _ = write!(out, "kk_apply_command {} {} {timeout} {settle}", Word(&self.check), Word(&self.apply));
    }
}
