//! Files whose content the plan holds, and what all primitives that write files share.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::{Content, File};
use crate::digest::Digest;
use crate::host::quote;

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
    pub(super) fn check(&self) -> String {
        let digest = Digest::of(self.content.expose().as_bytes()).hex();
        format!("kk_check_file {} {digest} {:o} {}", quote(&self.path), self.mode, owner_words(&self.owner))
    }

    pub(super) fn apply(&self) -> String {
        let content = encode(self.content.expose());
        format!("kk_apply_file {} '{content}' {:o} {}", quote(&self.path), self.mode, quote(&self.owner))
    }
}

/// Base64: no byte of it means anything to a shell.
pub(super) fn encode(text: &str) -> String {
    STANDARD.encode(text)
}

/// `user:group` as the two words that `kk_attributes` compares; the group's is empty where any will do.
pub(super) fn owner_words(owner: &str) -> String {
    let (user, group) = owner.split_once(':').unwrap_or((owner, ""));
    format!("{} {}", quote(user), quote(group))
}
