//! Runs of a site, as a table and one by one.

use super::table;
use crate::quantity;
use crate::run::history::{Ending, Run};

/// A line for each run.
pub fn history(runs: &[Run]) -> String {
    if runs.is_empty() {
        return "Nothing was run on this site yet.".into();
    }
    let rows = runs.iter().map(|run| {
        [
            run.number.to_string(),
            or_dash(&run.started),
            or_dash(&run.command),
            run.bundle.as_deref().map_or_else(|| "-".into(), short),
            outcome(run),
            run.changed.to_string(),
            run.held.to_string(),
            run.seconds.map_or_else(|| "-".into(), quantity::seconds),
        ]
    });
    let headers = ["run", "when", "command", "bundle", "outcome", "changed", "held", "took"];
    table(&headers, rows).trim_end().to_owned()
}

/// One run: what each host did, step by step.
pub fn run_shown(run: &Run) -> String {
    let took = run.seconds.map(|seconds| format!(" after {}", quantity::seconds(seconds))).unwrap_or_default();
    let mut out = format!(
        "run {}  {}\nbegan   {}\nended   {}{took}\nkk      {}\n",
        run.number,
        or_dash(&run.command),
        or_dash(&run.started),
        outcome(run),
        or_dash(&run.kk)
    );
    if let Some(bundle) = &run.bundle {
        out += &format!("bundle  {}\n", super::narrator::printable(bundle));
    }
    for (host, steps) in &run.hosts {
        out += &format!("\n{}\n", super::narrator::printable(host));
        let rows = steps.iter().map(|step| match &step.failed {
            None => {
                let held = format!("{} held", step.held);
                [
                    step.time.clone(),
                    step.step.clone(),
                    format!("{} changed", step.changed),
                    held,
                    quantity::seconds(step.seconds),
                ]
            }
            Some(_) => [step.time.clone(), step.step.clone(), "FAILED".into(), String::new(), String::new()],
        });
        let text = table(&["ended", "step", "", "", "took"], rows);
        text.trim_end().lines().for_each(|line| out += &format!("  {}\n", line.trim_end()));
        for reason in steps.iter().filter_map(|step| step.failed.as_deref()) {
            out += &format!("  {}\n", super::narrator::printable(reason).replace('\n', "\n  "));
        }
    }
    out.trim_end().to_owned()
}

fn outcome(run: &Run) -> String {
    match (run.outcome, run.failure()) {
        (Ending::Done, _) => "done".into(),
        (Ending::Failed, Some((host, step))) => format!("failed at {} on {host}", step.step),
        (Ending::Failed, None) => "failed".into(),
        (Ending::Interrupted, _) => "interrupted".into(),
        (Ending::Unfinished, Some((host, step))) => format!("unfinished, failed at {} on {host}", step.step),
        (Ending::Unfinished, None) => "unfinished".into(),
    }
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".into() } else { super::narrator::printable(text) }
}

/// `sha256:` and the first twelve digits.
fn short(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::history::read;

    const DONE: &str = r#"{"time":"2026-11-25T20:00:00Z","record":"run-started","command":"create cluster","kk":"0.1.0","bundle":"sha256:aaaabbbbccccdddd"}
{"time":"2026-11-25T20:00:02Z","record":"step-done","host":"node1","step":"os/configure","changed":4,"held":1,"seconds":1.5}
{"time":"2026-11-25T20:00:03Z","record":"run-ended","outcome":"done","changed":4,"held":1,"seconds":3.0}
"#;
    const FAILED: &str = r#"{"time":"2026-11-25T21:00:00Z","record":"run-started","command":"delete node node2","kk":"0.1.0"}
{"time":"2026-11-25T21:00:09Z","record":"step-failed","host":"node1","step":"nodes/drain","reason":"node1: \"Empty node node2\" failed\nit takes too long"}
{"time":"2026-11-25T21:00:10Z","record":"run-ended","outcome":"failed","changed":0,"seconds":70.0}
"#;

    #[test]
    fn runs_are_a_table() {
        let runs = [read(1, DONE), read(2, FAILED), read(3, &FAILED[..40])];
        insta::assert_snapshot!(history(&runs), @"
        RUN  WHEN                  COMMAND            BUNDLE               OUTCOME                         CHANGED  HELD  TOOK
        1    2026-11-25T20:00:00Z  create cluster     sha256:aaaabbbbcccc  done                            4        1     3.0 s
        2    2026-11-25T21:00:00Z  delete node node2  -                    failed at nodes/drain on node1  0        0     1 min 10 s
        3    -                     -                  -                    unfinished                      0        0     -
        ");
        insta::assert_snapshot!(history(&[]), @"Nothing was run on this site yet.");
    }

    #[test]
    fn a_run_is_told_step_by_step() {
        insta::assert_snapshot!(run_shown(&read(1, DONE)), @"
        run 1  create cluster
        began   2026-11-25T20:00:00Z
        ended   done after 3.0 s
        kk      0.1.0
        bundle  sha256:aaaabbbbccccdddd

        node1
          ENDED                 STEP                             TOOK
          2026-11-25T20:00:02Z  os/configure  4 changed  1 held  1.5 s
        ");
        insta::assert_snapshot!(run_shown(&read(2, FAILED)), @r#"
        run 2  delete node node2
        began   2026-11-25T21:00:00Z
        ended   failed at nodes/drain on node1 after 1 min 10 s
        kk      0.1.0

        node1
          ENDED                 STEP                    TOOK
          2026-11-25T21:00:09Z  nodes/drain  FAILED
          node1: "Empty node node2" failed
          it takes too long
        "#);
    }
}
