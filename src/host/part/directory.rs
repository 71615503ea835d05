//! Folders. A symbolic link to a folder is one too: sites put large folders on other disks that way.

use super::Directory;
use super::file::owner_words;
use crate::host::quote;

pub(super) const SHELL: &str = r#"
kk_check_directory() { [ -d "$1" ] && kk_attributes "$1" "$2" "$3" "$4"; }
kk_apply_directory() {
  mkdir -p -- "$1"
  chown -- "$3" "$1"
  chmod "$2" "$1"
}
"#;

impl Directory {
    pub(super) fn check(&self) -> String {
        format!("kk_check_directory {} {:o} {}", quote(&self.path), self.mode, owner_words(&self.owner))
    }

    pub(super) fn apply(&self) -> String {
        format!("kk_apply_directory {} {:o} {}", quote(&self.path), self.mode, quote(&self.owner))
    }
}
