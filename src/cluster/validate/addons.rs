//! Charts and manifests of the user's.

use super::{Problems, system};
use crate::cluster::ClusterSpec;
use crate::yaml::Path;

pub fn check(spec: &ClusterSpec, problems: &mut Problems) {
    let mut seen: Vec<&str> = Vec::new();
    for (index, addon) in spec.addons.iter().enumerate() {
        let path = Path::of("spec.addons").index(index);
        if addon.name.is_empty() {
            problems.add(path.clone(), format!("{path} has no name"));
        } else if seen.contains(&addon.name.as_str()) {
            problems.add(path.key("name"), format!("there is another addon of name {:?}", addon.name));
        }
        seen.push(&addon.name);
        if addon.sources.chart.is_none() && addon.sources.yaml.is_none() {
            problems.add(path.clone(), format!("{path} has neither sources.chart nor sources.yaml"));
        }
        system::scripts(&path.key("preInstall"), &addon.pre_install, spec, problems);
        system::scripts(&path.key("postInstall"), &addon.post_install, spec, problems);
    }
}
