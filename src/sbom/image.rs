//! Layers upon each other, as a runtime stacks them (image specification, layer.md, "Applying Changesets").

use std::collections::{BTreeMap, BTreeSet};

use super::layer::{Found, LayerScan};
use super::package::Package;
use super::release::Release;

/// What is installed in an image of one platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packages {
    pub release: Option<Release>,
    /// Sorted, each once.
    pub packages: Vec<Package>,
    /// What was not read, and why; sorted.
    pub unread: Vec<String>,
}

/// Stacks layers, the lowest first; each with a word for it.
pub fn stack<'a>(layers: impl Iterator<Item = (String, &'a LayerScan)>) -> Packages {
    let mut found: BTreeMap<&str, &Found> = BTreeMap::new();
    let mut unread = BTreeSet::new();
    for (name, layer) in layers {
        found.retain(|path, _| !covers(layer, path));
        found.extend(layer.found.iter().map(|(path, found)| (path.as_str(), found)));
        unread.extend(layer.unread.as_ref().map(|why| format!("{name}: {why}")));
    }
    let mut out = Packages::default();
    let mut packages = BTreeSet::new();
    for (path, found) in found {
        match found {
            // The first of them, which is the one in etc, is the one that programs read.
            Found::Release(release) => {
                out.release.get_or_insert_with(|| release.clone());
            }
            Found::Packages(list) => packages.extend(list.iter().cloned()),
            Found::Unread(why) => {
                unread.insert(format!("{path}: {why}"));
            }
            Found::Nothing => {}
        }
    }
    out.packages = packages.into_iter().collect();
    out.unread = unread.into_iter().collect();
    out
}

/// Whether a layer leaves nothing of lower layers at this path.
fn covers(layer: &LayerScan, path: &str) -> bool {
    let mut folders = path.match_indices('/').map(|(at, _)| &path[..at]);
    layer.hidden.contains(path)
        || layer.emptied.contains("")
        || folders.any(|folder| layer.hidden.contains(folder) || layer.emptied.contains(folder))
}

#[cfg(test)]
mod tests {
    use super::super::package::Family;
    use super::*;

    fn layer(found: &[(&str, &str)]) -> LayerScan {
        let found = found.iter().map(|(path, name)| {
            let package = Package { name: (*name).into(), version: "1".into(), ..Package::unknown(Family::Deb) };
            ((*path).to_owned(), Found::Packages(vec![package]))
        });
        LayerScan { found: found.collect(), ..LayerScan::default() }
    }

    fn stacked(layers: &[LayerScan]) -> Vec<String> {
        let packages = stack(layers.iter().map(|layer| (String::new(), layer))).packages;
        packages.into_iter().map(|package| package.name).collect()
    }

    const STATUS: &str = "var/lib/dpkg/status";
    const NOTE: &str = "var/lib/dpkg/status.d/base";

    #[test]
    fn the_last_layer_wins_and_whiteouts_remove_what_lies_below() {
        let below = layer(&[(STATUS, "old"), (NOTE, "base")]);
        assert_eq!(stacked(&[below.clone(), layer(&[(STATUS, "new")])]), ["base", "new"]);
        let hiding = |path: &str| LayerScan { hidden: [path.to_owned()].into(), ..layer(&[]) };
        assert_eq!(stacked(&[below.clone(), hiding(STATUS)]), ["base"]);
        assert_eq!(stacked(&[below.clone(), hiding("var/lib")]), [""; 0]);
        assert_eq!(stacked(&[hiding("var"), below.clone()]), ["base", "old"]);
        let emptying = |path: &str| LayerScan { emptied: [path.to_owned()].into(), ..layer(&[(STATUS, "own")]) };
        assert_eq!(stacked(&[below.clone(), emptying("var/lib/dpkg/status.d")]), ["base", "own"][1..]);
        assert_eq!(stacked(&[below, emptying("")]), ["own"]);
    }
}
