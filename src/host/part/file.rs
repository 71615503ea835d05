//! Files whose content the plan holds, and what all primitives that write files share.

use std::fmt::{self, Write as _};

use base64::display::Base64Display;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::{Content, File};
use crate::digest::Digest;
use crate::host::Word;

/// Functions that every script carries.
///
/// A temporary file has a fixed name that begins with a dot: programs that read whole folders pass it over, and what a
/// killed run left there the next one overwrites.
pub(super) const COMMON: &str = r#"
kk_say() { printf '%s %s\n' "$kk_marker" "$*" || :; }
kk_sum() { kk_line=$(sha256sum) && printf '%s' "${kk_line%% *}"; }
kk_folder() { mkdir -p -m 0700 -- "$kk_state" "$kk_state/$1"; }
kk_now() { date +%s; }
kk_temporary() { printf '%s/.%s.kk' "${1%/*}" "${1##*/}"; }
kk_parents() { mkdir -p -- "${1%/*}/"; }
kk_attributes() {
  kk_have=$(stat -L -c '%a %U %G %u %g' -- "$1" 2>/dev/null) || return 1
  set -- "$2" "$3" "$4" $kk_have
  [ "$1" = "$4" ] || return 1
  [ "$2" = "$5" ] || [ "$2" = "$7" ] || return 1
  [ -z "$3" ] || [ "$3" = "$6" ] || [ "$3" = "$8" ]
}
kk_place() {
  chown -- "$4" "$1" && chmod "$3" "$1" || return 1
  mv -fT -- "$1" "$2" && return 0
  [ -f "$2" ] && [ ! -L "$2" ] || return 1
  echo "$2 cannot be replaced (a mount?), so it is written in place" >&2
  chown -- "$4" "$2" && chmod "$3" "$2" && cat -- "$1" >"$2" && rm -f -- "$1"
}
"#;

/// What a step with a [`File`] adds.
pub(super) const SHELL: &str = r#"
kk_check_file() {
  [ -f "$1" ] && [ ! -L "$1" ] && kk_attributes "$1" "$3" "$4" "$5" && [ "$(kk_sum <"$1")" = "$2" ]
}
kk_apply_file() {
  kk_parents "$1"
  kk_temp=$(kk_temporary "$1")
  rm -rf -- "$kk_temp"
  (umask 077; printf '%s' "$2" | base64 -d >"$kk_temp")
  kk_place "$kk_temp" "$1" "$3" "$4"
}
"#;

impl Content {
    /// The bytes themselves. Callers keep them out of logs and messages.
    pub(crate) fn expose(&self) -> &str {
        match self {
            Content::Plain(text) => text,
            Content::Secret(text) => text.expose_secret(),
        }
    }
}

impl File {
    pub(super) fn check(&self, out: &mut String) {
        let digest = Digest::of(self.content.expose().as_bytes()).hex();
        let _ =
            write!(out, "kk_check_file {} {digest} {:o} {}", Word(&self.path), self.mode, UserAndGroup(&self.owner));
    }

    pub(super) fn apply(&self, out: &mut String) {
        let content = encoded(self.content.expose());
        let _ = write!(out, "kk_apply_file {} '{content}' {:o} {}", Word(&self.path), self.mode, Word(&self.owner));
    }
}

/// Base64: no byte of it means anything to a shell.
pub(super) fn encoded(text: &str) -> Base64Display<'_, 'static, GeneralPurpose> {
    Base64Display::new(text.as_bytes(), &STANDARD)
}

/// How many bytes that takes.
pub(super) fn encoded_size(text: &str) -> usize {
    text.len().div_ceil(3) * 4
}

/// `user:group` as the two words that `kk_attributes` compares; the group's is empty where any will do.
pub(super) struct UserAndGroup<'a>(pub &'a str);

impl fmt::Display for UserAndGroup<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, group) = self.0.split_once(':').unwrap_or((self.0, ""));
        write!(out, "{} {}", Word(user), Word(group))
    }
}
