//! Symbolic links, replaced by a rename so that nobody sees the path without one.

use std::fmt::Write as _;

use super::Symlink;
use crate::host::Word;

pub(super) const SHELL: &str = r#"
kk_check_symlink() { [ -L "$1" ] && [ "$(readlink -- "$1")" = "$2" ]; }
kk_apply_symlink() {
  kk_parents "$1"
  kk_temp=$(kk_temporary "$1")
  rm -rf -- "$kk_temp"
  ln -s -- "$2" "$kk_temp"
  mv -fT -- "$kk_temp" "$1"
}
"#;

impl Symlink {
    pub(super) fn check(&self, out: &mut String) {
        let _ = write!(out, "kk_check_symlink {} {}", Word(&self.path), Word(&self.target));
    }

    pub(super) fn apply(&self, out: &mut String) {
        let _ = write!(out, "kk_apply_symlink {} {}", Word(&self.path), Word(&self.target));
    }
}
