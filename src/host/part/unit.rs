//! systemd units. The stamp of the version is written last, after the unit was seen running for a moment, so whatever
//! interrupts a start is healed by the next run.

use std::fmt::Write as _;

use super::Unit;
use crate::host::Word;

pub(super) const SHELL: &str = r#"
kk_unit_state() {
  kk_load= kk_active= kk_enabled=
  kk_shown=$(systemctl show -p LoadState -p ActiveState -p UnitFileState -- "$1") || return 1
  for kk_line in $kk_shown; do
    case $kk_line in
      LoadState=*) kk_load=${kk_line#*=} ;;
      ActiveState=*) kk_active=${kk_line#*=} ;;
      UnitFileState=*) kk_enabled=${kk_line#*=} ;;
    esac
  done
}
kk_unit_enabled() {
  case $1:$kk_enabled in
    yes:enabled | yes:static | yes:indirect | yes:alias | yes:generated) return 0 ;;
    no:enabled | no:enabled-runtime) return 1 ;;
    no:*) return 0 ;;
  esac
  return 1
}
kk_unit_current() {
  case $2:$kk_active in
    yes:active) [ -f "$kk_state/units/$1" ] && [ "$(cat -- "$kk_state/units/$1")" = "$3" ] ;;
    no:inactive | no:failed | no:) return 0 ;;
    *) return 1 ;;
  esac
}
kk_check_unit() { kk_unit_state "$1" && kk_unit_enabled "$2" && kk_unit_current "$1" "$3" "$4"; }
kk_unit_fail() {
  systemctl status --no-pager --full -n 0 -- "$1" >&2 || :
  journalctl --no-pager -q -o cat -n 20 -u "$1" >&2 || :
  echo "$2" >&2
  return 1
}
kk_unit_wait() {
  kk_good=0 kk_bad=0
  while :; do
    kk_unit_state "$1" || kk_active=unknown
    case $kk_active in
      active) kk_good=$((kk_good + 1)) kk_bad=0 ;;
      failed | inactive) kk_good=0 kk_bad=$((kk_bad + 1)) ;;
      *) kk_good=0 kk_bad=0 ;;
    esac
    [ "$kk_good" -lt 3 ] || return 0
    [ "$kk_bad" -lt 5 ] || kk_unit_fail "$1" "$1 was started and is $kk_active" || return 1
    [ "$(kk_now)" -lt "$3" ] || kk_unit_fail "$1" "$1 was started and is still $kk_active after $2 s" || return 1
    sleep 0.2 2>/dev/null || sleep 1
  done
}
kk_apply_unit() {
  systemctl daemon-reload
  kk_unit_state "$1"
  if [ "$3" = no ]; then
    rm -f -- "$kk_state/units/$1"
    if [ "$kk_load" != not-found ]; then
      kk_unit_current "$1" no '' || timeout "$5" systemctl stop -- "$1" || kk_unit_fail "$1" "$1 does not stop"
    fi
  fi
  if ! kk_unit_enabled "$2"; then
    if [ "$2" = yes ]; then systemctl enable -- "$1"; else systemctl disable -- "$1"; fi
  fi
  [ "$3" = yes ] || return 0
  ! kk_unit_current "$1" yes "$4" || return 0
  rm -f -- "$kk_state/units/$1"
  systemctl reset-failed -- "$1" 2>/dev/null || :
  kk_until=$(($(kk_now) + $5))
  timeout "$5" systemctl restart -- "$1" || echo "systemctl restart $1 ended with status $?" >&2
  kk_unit_wait "$1" "$5" "$kk_until"
  kk_folder units
  printf '%s\n' "$4" >"$kk_state/units/$1.new"
  mv -fT -- "$kk_state/units/$1.new" "$kk_state/units/$1"
}
"#;

impl Unit {
    /// A call of this function with the words that all of them take.
    fn call(&self, function: &str, out: &mut String) {
        let word = |yes: bool| if yes { "yes" } else { "no" };
        let (enabled, running) = (word(self.enabled), word(self.running));
        let _ = write!(out, "{function} {} {enabled} {running} {}", Word(&self.name), Word(&self.version));
    }

    pub(super) fn check(&self, out: &mut String) {
        self.call("kk_check_unit", out);
    }

    pub(super) fn apply(&self, out: &mut String) {
        self.call("kk_apply_unit", out);
        let _ = write!(out, " {}", self.timeout.as_secs().max(1));
    }

    /// Forgets the last start. Goes before a change to something that the unit may have read.
    pub(super) fn forget(&self, out: &mut String) {
        let _ = writeln!(out, "rm -f -- \"$kk_state\"/units/{}", Word(&self.name));
    }
}
