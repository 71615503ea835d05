//! The pages of docs/reference/, each made by one function of the code that it describes.

mod cli;
mod environment;
mod exit_codes;
mod preflight;
mod refused;
mod schema;
mod templates;

use std::fs;

use crate::pages::checkout;

const NOTE: &str =
    "<!-- Made from the code by tests/docs; KK_WRITE_DOCS=1 cargo test --test docs writes it anew. -->\n\n";

/// Compares a page with what the code says now, or writes it.
fn agree(name: &str, body: String) {
    let path = checkout().join("docs/reference").join(name);
    let wanted = format!("{NOTE}{}\n", body.trim_end());
    if std::env::var_os("KK_WRITE_DOCS").is_some() {
        fs::write(&path, wanted).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    if found == wanted {
        return;
    }
    let differs = found.lines().zip(wanted.lines()).position(|(one, other)| one != other);
    let line = differs.unwrap_or_else(|| found.lines().count().min(wanted.lines().count()));
    panic!(
        "docs/reference/{name} is not what the code says, from line {} on:\n  page: {}\n  code: {}\n\
         Run KK_WRITE_DOCS=1 cargo test --test docs, and look at what changed.",
        line + 1,
        found.lines().nth(line).unwrap_or("(ends)"),
        wanted.lines().nth(line).unwrap_or("(ends)"),
    );
}

/// A text for a cell of a Markdown table: on one line, no bars, no tags.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "&lt;")
}
