//! Lines between two marker comments in a file that others write too.
//!
//! The file is written in place, which is not atomic. So the whole new file is put aside first; a run that was killed
//! while it wrote leaves a file that is a beginning of the one put aside, and the next run finishes it. Where the file
//! is anything else, somebody has edited it since, and what was put aside is dropped.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Block;
use super::file::encoded;
use crate::digest::Digest;
use crate::host::Word;

pub(super) const SHELL: &str = r##"
kk_render_block() {
  kk_source=/dev/null
  [ ! -f "$1" ] || kk_source=$1
  printf '%s' "$3" | base64 -d | kk_begin="# BEGIN kk $2" kk_end="# END kk $2" awk '
    BEGIN {
      begin = ENVIRON["kk_begin"]; end = ENVIRON["kk_end"]
      while ((getline line < "-") > 0) block = block line "\n"
      if (block != "") block = begin "\n" block end "\n"
    }
    inside && $0 == end { inside = 0; kept = ""; if (!placed) printf "%s", block; placed = 1; next }
    $0 == begin { printf "%s", kept; kept = ""; inside = 1; next }
    inside { kept = kept $0 "\n"; next }
    { print }
    END { printf "%s", kept; if (!placed) printf "%s", block }
  ' "$kk_source"
}
kk_check_block() {
  [ ! -e "$kk_state/blocks/$4" ] || return 1
  if [ ! -f "$1" ]; then [ -z "$3" ]; return; fi
  [ "$(kk_render_block "$1" "$2" "$3" | kk_sum)" = "$(kk_sum <"$1")" ]
}
kk_apply_block() {
  kk_aside=$kk_state/blocks/$4
  kk_parents "$1"
  kk_folder blocks
  if [ -f "$kk_aside" ]; then
    if [ ! -e "$1" ]; then
      cat -- "$kk_aside" >"$1"
    else
      kk_size=$(stat -L -c %s -- "$1")
      if [ "$(head -c "$kk_size" -- "$kk_aside" | kk_sum)" = "$(kk_sum <"$1")" ]; then cat -- "$kk_aside" >"$1"; fi
    fi
  fi
  kk_render_block "$1" "$2" "$3" >"$kk_aside.new"
  # Written through both times: else the power could take the file and what was put aside with it.
  sync -- "$kk_aside.new" || sync
  mv -fT -- "$kk_aside.new" "$kk_aside"
  cat -- "$kk_aside" >"$1"
  sync -- "$1" || sync
  rm -f -- "$kk_aside"
}
"##;

impl Block {
    /// A call of this function with the words that all of them take.
    fn call(&self, function: &str, out: &mut String) {
        let mut content = Cow::Borrowed(self.content.as_ref());
        if !content.is_empty() && !content.ends_with('\n') {
            content.to_mut().push('\n');
        }
        let aside = Digest::of(self.path.as_bytes()).hex();
        let (path, marker, content) = (Word(&self.path), Word(&self.marker), encoded(&content));
        let _ = write!(out, "{function} {path} {marker} '{content}' {aside}");
    }

    pub(super) fn check(&self, out: &mut String) {
        self.call("kk_check_block", out);
    }

    /// Prints the whole file as it would be.
    pub(super) fn render(&self, out: &mut String) {
        self.call("kk_render_block", out);
    }

    pub(super) fn apply(&self, out: &mut String) {
        self.call("kk_apply_block", out);
    }
}
