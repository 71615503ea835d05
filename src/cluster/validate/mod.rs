//! What a cluster file must obey beyond its schema. Pure: problems carry addresses in the file, not positions.

mod addons;
mod addresses;
mod artifact;
mod endpoint;
mod etcd;
mod hosts;
mod kubernetes;
mod network;
mod registry;
mod roles;
mod system;

use super::{ClusterFile, names};
use crate::yaml::{Path, Problem};
pub use hosts::architecture;
pub use registry::auths;
pub use roles::MASTER;

/// The version of the API that both kinds have.
pub const API_VERSION: &str = "kubekey.kubesphere.io/v1alpha2";

/// Everything that is wrong with a cluster file.
pub fn validate(file: &ClusterFile) -> Vec<Problem> {
    let spec = &file.spec;
    let mut problems = Problems::default();
    header(&file.api_version, &file.metadata.name, &mut problems);
    hosts::check(spec, &mut problems);
    roles::check(spec, &mut problems);
    endpoint::check(spec, &mut problems);
    kubernetes::check(spec, &mut problems);
    etcd::check(spec, &mut problems);
    network::check(spec, &mut problems);
    registry::check(spec, &mut problems);
    system::check(spec, &mut problems);
    addons::check(spec, &mut problems);
    artifact::check(spec, &mut problems);
    problems.0
}

/// Checks what every kind begins with.
pub fn header(api_version: &str, name: &str, problems: &mut Problems) {
    if api_version != API_VERSION {
        let message = format!("apiVersion must be {API_VERSION}");
        problems.push(Problem::new(Path::of("apiVersion"), message));
    }
    if !names::is_object_name(name) {
        let hint = "letters, digits, \"-\", \"_\" and \".\", at most 63 of them, a letter or digit first and last";
        problems.add(Path::of("metadata.name"), format!("{name:?} cannot be a name")).hint = Some(hint.into());
    }
}

/// Problems as they are found.
#[derive(Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds a problem, which may still get a hint.
    pub fn add(&mut self, path: Path, message: impl Into<String>) -> &mut Problem {
        self.0.push(Problem::new(path, message));
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// A value that must be one of a few; empty ones only where `known` has them.
    pub fn one_of(&mut self, path: Path, given: &str, known: &[&str]) {
        if !known.contains(&given) {
            let named: Vec<&str> = known.iter().copied().filter(|known| !known.is_empty()).collect();
            let message = format!("{path} cannot be {given:?}: known are {}", named.join(", "));
            self.push(Problem::new(path, message).did_you_mean(given, named));
        }
    }

    /// A port that is not 0.
    pub fn port(&mut self, path: Path, port: u16) {
        if port == 0 {
            let message = format!("{path} must lie between 1 and 65535");
            self.add(path, message);
        }
    }

    /// A path on a host, from its root.
    pub fn absolute(&mut self, path: Path, given: &str) {
        if !given.starts_with('/') || given.split('/').any(|part| part == "..") {
            let message = format!("{path} must be a path that begins with \"/\" and has no \"..\" in it");
            self.add(path, message);
        }
    }

    /// Flags for a program, as `flag=value` without the dashes.
    pub fn flags(&mut self, path: &Path, flags: &[String]) {
        for (index, flag) in flags.iter().enumerate() {
            let path = path.index(index);
            let name = flag.split('=').next().unwrap_or_default();
            if let Some(bare) = name.strip_prefix('-') {
                let bare = bare.trim_start_matches('-').to_owned();
                let problem = self.add(path.clone(), format!("{path} must not begin with dashes"));
                problem.hint = Some(format!("write {bare}=…"));
            } else if name.is_empty() || !flag.contains('=') || name.contains(char::is_whitespace) {
                self.add(path.clone(), format!("{path} must look like flag=value"));
            }
        }
    }
}
