//! The checks before an installation.

use kk::plan::preflight::CHECKS;

use super::{agree, cell};

#[test]
fn the_preflight_checks() {
    let mut page = String::from(
        "# Checks before an installation\n\n`kk create cluster` looks at all hosts in one round trip each, and makes these \
         checks before it changes any. All findings come at once, each with the host, the name of the check in square \
         brackets, and a hint. An error stops the command with exit code 5; a warning does not. A check that does not \
         apply to a site becomes a warning by its name:\n\n```yaml\nspec:\n  preflight:\n    ignore: [memory]\n```\n\n\
         | name | what must hold |\n|---|---|\n",
    );
    for (name, about) in CHECKS {
        page.push_str(&format!("| `{name}` | {} |\n", cell(about)));
    }
    agree("preflight.md", page);
}
