//! Folders. A symbolic link to a folder is one too: sites put large folders on other disks that way.

use std::fmt::Write as _;

use super::Directory;
use super::file::UserAndGroup;
use crate::host::Word;

pub(super) const SHELL: &str = r#"
kk_check_directory() { [ -d "$1" ] && kk_attributes "$1" "$2" "$3" "$4"; }
kk_apply_directory() {
  mkdir -p -- "$1"
  chown -- "$3" "$1"
  chmod "$2" "$1"
}
"#;

impl Directory {
    pub(super) fn check(&self, out: &mut String) {
        let _ = write!(out, "kk_check_directory {} {:o} {}", Word(&self.path), self.mode, UserAndGroup(&self.owner));
    }

    pub(super) fn apply(&self, out: &mut String) {
        let _ = write!(out, "kk_apply_directory {} {:o} {}", Word(&self.path), self.mode, Word(&self.owner));
    }
}
