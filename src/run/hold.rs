//! One step on one host: check, bring the bytes, make it hold.

use std::time::Duration;

use super::error::Failure;
use super::execute::Executor;
use super::ways::Ways;
use crate::host::part::script::{
    Marker, Outcome, Verdict, apply_script, apply_timeout, check_script, check_timeout, read_apply, read_check,
};
use crate::host::part::{Content, Part};
use crate::host::{Machine, MachineError, Output, Script, Step};

/// How often a step is begun anew when the connection is lost under it.
const ATTEMPTS: u32 = 3;

impl Executor {
    /// Makes a step hold; the number of parts that had to be changed. A lost connection is met by beginning anew, since
    /// what was done by then is found done.
    pub(super) async fn hold(&self, machine: &dyn Machine, step: &Step, ways: Ways<'_>) -> Result<usize, Failure> {
        let mut changed = 0;
        let mut attempt = 1;
        loop {
            match self.attempt(machine, step, ways, &mut changed).await {
                Err(Trouble::Machine(
                    MachineError::Lost { .. } | MachineError::Connect { .. } | MachineError::Jump { .. },
                )) if attempt < ATTEMPTS && !self.stop.asked() => {
                    tokio::time::sleep(Duration::from_secs(2 * u64::from(attempt))).await;
                    attempt += 1;
                }
                Err(Trouble::Machine(error)) => {
                    return Err(advise(Failure::of_machine(machine.name(), &step.id, &step.title, error)));
                }
                Err(Trouble::Step(failure)) => return Err(advise(*failure)),
                Ok(()) => return Ok(changed),
            }
        }
    }

    async fn attempt(
        &self,
        machine: &dyn Machine,
        step: &Step,
        ways: Ways<'_>,
        changed: &mut usize,
    ) -> Result<(), Trouble> {
        let marker = Marker::random();
        let script = Script::new(check_script(step, ways.places, &marker), check_timeout(step));
        let output = machine.run(&script).await?;
        let Some(verdicts) = read_check(step, &marker, &output.stdout) else {
            return Err(broken(machine, step, &output, "the host could not be looked at"));
        };
        let differing: Vec<usize> = (0..verdicts.len()).filter(|index| verdicts[*index] != Verdict::Holds).collect();
        if differing.is_empty() {
            return Ok(());
        }
        self.bring(machine, step, &verdicts, ways).await?;

        let marker = Marker::random();
        let text = apply_script(step, &differing, ways.places, &marker);
        let output = machine.run(&Script::new(text, apply_timeout(step))).await?;
        let outcomes = read_apply(step, &marker, &output.stdout);
        *changed += outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Changed).count();
        for (index, outcome) in &outcomes {
            if let Outcome::Failed(status) = outcome {
                let reason = match status {
                    124 | 137 => "it took too long",
                    _ => "",
                };
                let mut failure = Failure::new(Some(machine.name()), &step.id, &step.title, reason);
                failure.part = Some(step.parts[*index].describe());
                failure.status = Some(*status);
                failure.output = redact(step, &output.stderr);
                return Err(failure.into());
            }
        }
        let seen = |index: &usize| outcomes.iter().any(|(found, _)| found == index);
        if output.status != 0 || !differing.iter().all(seen) {
            return Err(broken(machine, step, &output, "the script ended early"));
        }
        Ok(())
    }
}

pub(super) enum Trouble {
    Machine(MachineError),
    Step(Box<Failure>),
}

impl From<MachineError> for Trouble {
    fn from(error: MachineError) -> Self {
        Trouble::Machine(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Trouble::Step(Box::new(failure))
    }
}

pub(super) fn broken(machine: &dyn Machine, step: &Step, output: &Output, reason: &str) -> Trouble {
    let mut failure = Failure::new(Some(machine.name()), &step.id, &step.title, reason);
    failure.status = Some(output.status);
    failure.output = redact(step, &output.stderr);
    failure.into()
}

/// Adds what a person can do about troubles that hosts have words for.
fn advise(mut failure: Failure) -> Failure {
    let host = failure.host.clone().unwrap_or_default();
    let cause = failure.source.as_ref().map(ToString::to_string).unwrap_or_default();
    // Programs write the same errors of the system with a small letter or a capital one.
    let said = format!("{}\n{cause}", failure.output).to_lowercase();
    let advice = [
        ("no space left on device", format!("Free some space on {host}.")),
        ("mib are needed", format!("Free some space on {host}.")),
        (
            "dial tcp",
            format!("{host} got no answer from where it asked; kk status shows which hosts and services run."),
        ),
        ("read-only file system", format!("Look at the disks of {host}: a file system is mounted read-only.")),
        ("another kk has been at work", format!("Wait until the other kk has ended, or look what runs on {host}.")),
    ];
    for (sign, hint) in advice {
        if said.contains(sign) && !failure.hints.contains(&hint) {
            failure.hints.push(hint);
        }
    }
    failure
}

/// How many lines of output an error shows.
const SHOWN_LINES: usize = 40;

/// The end of an output without terminal control, and without the secrets that the step's files hold.
fn redact(step: &Step, output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let mut text = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
    for part in &step.parts {
        if let Part::File(file) = part
            && let Content::Secret(_) = &file.content
        {
            for line in file.content.expose().lines().map(str::trim).filter(|line| line.len() >= 8) {
                text = text.replace(line, "(hidden)");
            }
        }
    }
    text.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
}
