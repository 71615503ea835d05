//! How a cluster is, a table for each concern.

use super::table;
use crate::plan::status::Status;

/// The tables, each under the name of its concern.
pub fn status(found: &Status) -> String {
    let mut text = String::new();
    for concern in &found.concerns {
        let rows = concern.lines.iter().map(|line| {
            let subject = if line.subject.is_empty() { "-" } else { &line.subject };
            let state = if line.well { "well" } else { "UNWELL" };
            [line.host.as_str(), subject, state, line.detail.as_str()].map(str::to_owned)
        });
        let what = match concern.name {
            "hosts" | "nodes" => "roles",
            "registry" => "name",
            "disk" => "folder",
            "services" => "service",
            _ => "what",
        };
        text.push_str(&format!("{}\n{}\n\n", concern.name, table(&["host", what, "state", "detail"], rows)));
    }
    text.push_str(if found.well { "all is well" } else { "not all is well" });
    text
}
