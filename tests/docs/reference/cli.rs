//! Every command with its flags, from clap's own tree.

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::{agree, cell};

#[test]
fn the_command_line() {
    let mut root = kk::cli::Cli::command();
    root.build();
    let mut page = String::from(
        "# Commands\n\nEvery command prints data to standard output and everything else to standard error. \
         The exit codes are in [exit-codes.md](exit-codes.md), the variables in [environment.md](environment.md).\n",
    );
    let mut commands = Vec::new();
    leaves(&root, "kk", &mut commands);
    page.push('\n');
    for (name, command) in &commands {
        page.push_str(&format!("- [`{name}`](#{}): {}\n", name.replace(' ', "-"), about(command)));
    }
    for (name, command) in &commands {
        describe(name, command, &mut page);
    }
    agree("cli.md", page);
}

/// The commands that do something, with their full names.
fn leaves<'a>(command: &'a Command, name: &str, found: &mut Vec<(String, &'a Command)>) {
    for child in command.get_subcommands().filter(|child| child.get_name() != "help" && !child.is_hide_set()) {
        let name = format!("{name} {}", child.get_name());
        // `kk history` does something itself, and so does `kk history show`.
        if !child.is_subcommand_required_set() {
            found.push((name.clone(), child));
        }
        leaves(child, &name, found);
    }
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn describe(name: &str, command: &Command, page: &mut String) {
    page.push_str(&format!("\n## {name}\n\n{}.\n", about(command).trim_end_matches('.')));
    let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    if let Some((_, rest)) = long.split_once("\n\n") {
        page.push_str(&format!("\n{}\n", rest.trim().replace('<', "&lt;")));
    }
    let usage = command.clone().render_usage().to_string();
    page.push_str(&format!("\n```text\n{}\n```\n", usage.trim_start_matches("Usage: ").trim()));
    page.push_str("\n| argument or flag | what it does | default |\n|---|---|---|\n");
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        if ["help", "version"].contains(&argument.get_id().as_str()) {
            continue;
        }
        page.push_str(&format!("| {} | {} | {} |\n", spelling(argument), meaning(argument), default(argument)));
    }
}

/// `-f, --filename FILE`
fn spelling(argument: &Arg) -> String {
    let mut names = Vec::new();
    names.extend(argument.get_short().map(|short| format!("-{short}")));
    names.extend(argument.get_long().map(|long| format!("--{long}")));
    let mut text = names.join(", ");
    if matches!(argument.get_action(), ArgAction::Set | ArgAction::Append) {
        let values: Vec<String> =
            argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
        text = format!("{text} {}", values.join(" ")).trim().to_owned();
    }
    format!("`{text}`")
}

fn meaning(argument: &Arg) -> String {
    let mut text = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> =
        argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if argument.get_action().takes_values() && !values.is_empty() {
        text.push_str(&format!(" ({})", values.join(" or ")));
    }
    if let Some(variable) = argument.get_env() {
        text.push_str(&format!("; also `{}`", variable.to_string_lossy()));
    }
    cell(&text)
}

fn default(argument: &Arg) -> String {
    if argument.is_required_set() {
        return "required".into();
    }
    if !argument.get_action().takes_values() {
        return String::new();
    }
    let values: Vec<String> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    values.join(" ")
}
