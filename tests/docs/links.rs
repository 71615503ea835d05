//! Links between pages lead somewhere.

use crate::pages::{self, Page, checkout};

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut dead = Vec::new();
    for page in pages::all() {
        let folder = checkout().join(&page.path).parent().unwrap().to_owned();
        for target in targets(&page.prose()) {
            if target.starts_with("https://") || target.starts_with("http://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let path = if file.is_empty() { checkout().join(&page.path) } else { folder.join(file) };
            if !path.exists() {
                dead.push(format!("{}: {target}: there is no such file", page.path.display()));
            } else if !heading.is_empty() {
                let text = std::fs::read_to_string(&path).unwrap();
                if !headings(&Page { path: page.path.clone(), text }).contains(&heading.to_owned()) {
                    dead.push(format!("{}: {target}: there is no such heading", page.path.display()));
                }
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

/// What stands in the round brackets of `[text](target)`.
fn targets(prose: &str) -> Vec<String> {
    prose.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target.to_owned())).collect()
}

/// Headings as GitHub makes anchors of them: lower case, spaces as hyphens, other signs dropped.
fn headings(page: &Page) -> Vec<String> {
    page.prose()
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .chars()
                .flat_map(char::to_lowercase)
                .filter_map(|letter| match letter {
                    ' ' => Some('-'),
                    letter if letter.is_alphanumeric() || letter == '-' || letter == '_' => Some(letter),
                    _ => None,
                })
                .collect()
        })
        .collect()
}
