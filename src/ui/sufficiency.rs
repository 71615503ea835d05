//! Whether a bundle suffices, as text. What is missing is told as an error, so not here.

use super::table;
use crate::jobs::check::Checked;
use crate::quantity::bytes;

/// What is there, what is there for nothing, and what may be asked for.
pub fn sufficiency(checked: &Checked) -> String {
    let report = &checked.report;
    let file = checked.cluster.display();
    let mut out = format!("{} for {file}, Kubernetes {}\n", checked.bundle.display(), checked.kubernetes);
    let found = report.found.iter().map(|one| {
        let digest = one.digest.hex();
        [one.what.clone(), one.arch.clone(), digest.get(..12).unwrap_or_default().to_owned(), one.because.clone()]
    });
    if !report.found.is_empty() {
        out += &format!("\n{}\n", table(&["there", "arch", "sha256", "for"], found).trim_end());
    }
    if !report.maybe.is_empty() {
        let rows = report
            .maybe
            .iter()
            .map(|one| [one.what.clone(), if one.there { "yes" } else { "no" }.to_owned(), one.because.clone()]);
        out += &format!("\n{}\n", table(&["may be asked for", "there", "by"], rows).trim_end());
    }
    if !report.unused.is_empty() {
        let rows = report.unused.iter().map(|one| [one.what.clone(), bytes(one.bytes)]);
        out += &format!("\n{}\n", table(&["nothing asks for", "own bytes"], rows).trim_end());
    }
    let verdict = match report.missing.len() {
        0 => "The bundle suffices.".to_owned(),
        count => format!("The bundle does not suffice: {count} missing."),
    };
    format!("{out}\n{verdict}")
}
