//! `kk` itself in a bundle: who installs from it inside needs the program too.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::component::WantedComponent;
use crate::catalog::{Catalog, Location};
use crate::host::local::own_arch;

/// Its name among the components.
pub(super) const NAME: &str = "kk";

/// The version of the program that runs, with its `v`.
const OWN_VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// One executable for each architecture: the one that the user named; else the very one that runs, where version and
/// architecture are its own; else what the catalog knows.
pub(super) fn components(
    version: &str,
    arches: &[String],
    catalog: &Catalog,
    executables: &BTreeMap<String, PathBuf>,
    components: &mut Vec<WantedComponent>,
    mistakes: &mut Vec<String>,
) {
    let own_version = version == OWN_VERSION || version == env!("CARGO_PKG_VERSION");
    for arch in arches {
        let running = || (own_version && arch == own_arch()).then(|| std::env::current_exe().ok()).flatten();
        let local = executables.get(arch).cloned().or_else(running);
        let location = match &local {
            // Where it lay is nobody's business: from any machine, the same bytes make the same lock.
            Some(_) => Location {
                version: version.to_owned(),
                url: NAME.to_owned(),
                file_name: NAME.to_owned(),
                checksum_url: None,
            },
            None => match catalog.locate(NAME, version, arch) {
                Ok(location) => Location { file_name: NAME.to_owned(), ..location },
                Err(_) => {
                    mistakes.push(format!(
                        "kk {version} for {arch} is not this program ({OWN_VERSION} for {}): name its file with \
                         --kk {arch}=PATH",
                        own_arch()
                    ));
                    continue;
                }
            },
        };
        let (name, version, arch) = (NAME.to_owned(), version.to_owned(), arch.clone());
        components.push(WantedComponent { name, version, arch, location, local });
    }
}
