//! What changed between two bundles, as text.

use crate::bundle::diff::Change;
use crate::jobs::diff::Compared;
use crate::quantity::bytes;

/// A list for each kind of thing that changed, and the bytes.
pub fn changes(compared: &Compared) -> String {
    let diff = &compared.diff;
    let mut out = String::new();
    for (what, side) in [("old", &compared.old), ("new", &compared.new)] {
        out += &format!("{what} {} {}\n    {}\n", side.name, side.digest, side.path.display());
    }
    if diff.is_empty() {
        return out + "\nBoth hold the same.";
    }
    for (noun, changes) in compared.sections() {
        if changes.is_empty() {
            continue;
        }
        out += &format!("\n{}\n", noun.to_uppercase());
        changes.iter().for_each(|change| out += &format!("{}\n", line(change)));
    }
    out += &format!(
        "\n{} added, {} removed, {} kept\na delta bundle carries {} entries, {}, and the inventory",
        bytes(diff.bytes_added),
        bytes(diff.bytes_removed),
        bytes(diff.bytes_kept),
        diff.delta.entries,
        bytes(diff.delta.bytes),
    );
    out
}

fn line(change: &Change) -> String {
    let name = &change.name;
    match (change.old.as_deref().map(short), change.new.as_deref().map(short)) {
        (Some(old), Some(new)) => format!("~ {name}: {old} -> {new}"),
        (None, Some(new)) => format!("+ {name}: {new}"),
        (Some(old), None) => format!("- {name}: {old}"),
        (None, None) => format!("  {name}"),
    }
}

/// A digest is shown as far as people compare it.
fn short(state: &str) -> &str {
    if state.starts_with("sha256:") { state.get(..19).unwrap_or(state) } else { state }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_went_and_changed_is_told_apart_without_colour() {
        let change = |old: Option<&str>, new: Option<&str>| {
            line(&Change { name: "etcd amd64".into(), old: old.map(str::to_owned), new: new.map(str::to_owned) })
        };
        let digest = "sha256:c53aaad75d0ec4e2a64f2d78f251d7225ae2a763d41622843f5c738eafc70d19";
        let lines = [change(Some("v3.6.4"), Some("v3.6.5")), change(None, Some(digest)), change(Some("v3.6.4"), None)];
        insta::assert_snapshot!(lines.join("\n"), @r"
        ~ etcd amd64: v3.6.4 -> v3.6.5
        + etcd amd64: sha256:c53aaad75d0e
        - etcd amd64: v3.6.4
        ");
    }
}
