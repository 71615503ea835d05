//! The exit codes, from the kinds of trouble that jobs know.

use kk::jobs::Kind;

use super::agree;

#[test]
fn the_exit_codes() {
    let mut page = String::from(
        "# Exit codes\n\nScripts may rely on these numbers: they keep their meaning.\n\n| code | kind | meaning |\n|---|---|---|\n\
         | 0 | success | The command did what it was asked to do; a second `kk create cluster` that changes nothing is a success too. |\n",
    );
    for kind in Kind::ALL {
        page.push_str(&format!(
            "| {} | {} | {} |\n",
            kind.exit_code(),
            format!("{kind:?}").to_lowercase(),
            kind.meaning()
        ));
    }
    agree("exit-codes.md", page);
}
