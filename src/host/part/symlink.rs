//! Symbolic links, replaced by a rename so that nobody sees the path without one.

use super::Symlink;
use crate::host::quote;

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
    pub(super) fn check(&self) -> String {
        format!("kk_check_symlink {} {}", quote(&self.path), quote(&self.target))
    }

    pub(super) fn apply(&self) -> String {
        format!("kk_apply_symlink {} {}", quote(&self.path), quote(&self.target))
    }
}
