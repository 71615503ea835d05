//! What is demanded of bundles.

use super::Problems;
use crate::cluster::ClusterSpec;
use crate::trust::PublicKey;
use crate::yaml::Path;

pub fn check(spec: &ClusterSpec, problems: &mut Problems) {
    let all = Path::of("spec.artifact");
    let artifact = &spec.artifact;
    let mut trusted: Vec<PublicKey> = Vec::new();
    for (index, line) in artifact.trusted_keys.iter().enumerate() {
        let path = all.key("trustedKeys").index(index);
        trusted.extend(key(path, line, problems));
    }
    for (index, line) in artifact.revoked_keys.iter().enumerate() {
        let path = all.key("revokedKeys").index(index);
        let Some(key) = key(path.clone(), line, problems) else { continue };
        if trusted.iter().any(|trusted| trusted.is(&key)) {
            problems.add(path.clone(), format!("{path} is one of spec.artifact.trustedKeys as well"));
        }
    }
}

fn key(path: Path, line: &str, problems: &mut Problems) -> Option<PublicKey> {
    match PublicKey::parse(line) {
        Ok(key) => Some(key),
        Err(error) => {
            // A private key that was put here by mistake is not shown.
            let problem = problems.add(path.clone(), format!("{path} cannot be a key to trust: {error}"));
            problem.hint = Some("paste the line of the file that ends with .pub, in quotes".into());
            None
        }
    }
}
