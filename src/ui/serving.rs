//! A registry that answers, and how clients are led to it.

use crate::jobs::serve::Serving;

/// Where it is, and a command and a setting to copy.
pub fn serving(serving: &Serving) -> String {
    let count = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let mut out = format!(
        "Serving {} in {} of {} on {}; Ctrl-C stops it.",
        count(serving.images, "image", "images"),
        count(serving.repositories.len(), "repository", "repositories"),
        serving.path.display(),
        serving.url,
    );
    if let Some(name) = serving.repositories.first() {
        let verify = if serving.tls { "" } else { " --tls-verify=false" };
        out += &format!("\n\n  skopeo list-tags{verify} docker://{}/{name}\n", serving.address);
        out += "\ncontainerd asks it for images of all registries with /etc/containerd/certs.d/_default/hosts.toml:\n";
        out += &format!("\n  [host.\"{}\"]\n    capabilities = [\"pull\", \"resolve\"]\n", serving.url);
    }
    out
}
