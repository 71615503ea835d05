//! The variables of the environment.

use std::fs;
use std::path::Path;

use super::agree;
use crate::pages::checkout;

/// Variable → who reads it, and what for.
const VARIABLES: &[(&str, &str, &str)] = &[
    (
        "DOCKER_CONFIG",
        "kk",
        "Folder of the `config.json` whose logins `kk artifact export` uses for registries that the manifest gives none for. Default: `~/.docker`.",
    ),
    ("HOME", "kk", "Where `~/.ssh/known_hosts`, `~/.ssh/config`, the default SSH keys and the cache are looked for."),
    ("HTTP_PROXY, HTTPS_PROXY, NO_PROXY", "kk", "`kk artifact export` downloads through these proxies."),
    (
        "KK_CACHE",
        "kk, scripts",
        "Folder for everything that can be fetched or built again. `kk artifact export` keeps downloads in its `export` folder. Default: `kk` in `$XDG_CACHE_HOME`, or in `~/.cache`.",
    ),
    ("KK_MIRROR", "kk", "The same as `--mirror` of `kk artifact export`: rules, apart by spaces or commas."),
    (
        "KK_OUTPUT",
        "kk",
        "The same as `--output`: `text` or `json`. `kk artifact export`, whose `--output` is a file, takes it from here.",
    ),
    (
        "LOGNAME, USER",
        "kk",
        "Who holds the site's lock, for the message to whoever wants it meanwhile; who logs in to jump hosts for which no user is named.",
    ),
    ("NO_COLOR", "kk", "No colours, if set to anything."),
    ("SSH_AUTH_SOCK", "kk", "The SSH agent whose keys are tried."),
    ("TERM", "kk", "`dumb`: plain lines instead of bars that move."),
    ("XDG_CACHE_HOME", "kk", "See `KK_CACHE`."),
    ("KK_BUNDLE", "scripts/quickstart", "Where the bundle is written. Default: in the lab's folder."),
    (
        "KK_LAB",
        "scripts",
        "Folder for the files of labs. Default: `kk/lab` in `$XDG_STATE_HOME`, or in `~/.local/state`.",
    ),
    ("KK_LAB_NAMESERVER", "scripts/lab", "What the hosts' `/etc/resolv.conf` names; `none` leaves it empty."),
    ("KK_LAB_SUBNET", "scripts/lab", "The first 24 bits of the lab's addresses. Default: `198.51.100.0`."),
];

#[test]
fn the_environment() {
    let mut page =
        String::from("# Variables of the environment\n\n| variable | who reads it | what for |\n|---|---|---|\n");
    for (names, reader, meaning) in VARIABLES {
        let names: Vec<String> = names.split(", ").map(|name| format!("`{name}`")).collect();
        page.push_str(&format!("| {} | {reader} | {meaning} |\n", names.join(", ")));
    }
    agree("environment.md", page);
}

#[test]
fn every_variable_that_the_code_reads_is_listed() {
    let mut texts = Vec::new();
    collect(&checkout().join("src"), &mut texts);
    let mut unknown = Vec::new();
    for text in texts {
        for (start, _) in
            ["env::var(\"", "env::var_os(\"", "set(\"", "env = \""].iter().flat_map(|call| text.match_indices(call))
        {
            let name = text[start..].split('"').nth(1).unwrap_or_default();
            let variable = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
            let listed = VARIABLES.iter().any(|(names, ..)| names.split(", ").any(|known| known == name));
            if variable && !listed && !name.starts_with("CARGO_") {
                unknown.push(name.to_owned());
            }
        }
    }
    assert!(unknown.is_empty(), "tests/docs/reference/environment.rs does not know {}", unknown.join(", "));
}

fn collect(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
}
