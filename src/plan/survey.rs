//! What hosts say to a plan: which parts hold already, which would be changed, and how.

use std::collections::BTreeMap;

use similar::TextDiff;

use crate::host::part::look::Change;

/// Findings by step, one for each of its parts.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    pub steps: BTreeMap<StepPlace, Vec<Finding>>,
}

/// Where a step stands in a plan, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepPlace {
    pub stage: usize,
    pub task: usize,
    pub step: usize,
}

/// What was found of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Holds,
    /// It would be changed; with both contents where they may be shown.
    Differs(Option<Change>),
}

impl Survey {
    /// How many parts were looked at, and how many of them would be changed.
    pub fn count(&self) -> (usize, usize) {
        let all = self.steps.values().flatten();
        let differing = all.clone().filter(|finding| **finding != Finding::Holds).count();
        (all.count(), differing)
    }
}

/// How many lines of one file's difference are shown.
const SHOWN_LINES: usize = 60;

/// The difference as unified diff without file names; of a new file only its length.
pub(super) fn describe(change: &Change) -> Vec<String> {
    let Some(now) = &change.now else {
        return vec![format!("new, {} lines", change.then.lines().count())];
    };
    if *now == change.then {
        return vec!["the content stays; mode or owner would change".into()];
    }
    let diff = TextDiff::from_lines(now.as_str(), change.then.as_str());
    let text = diff.unified_diff().context_radius(1).missing_newline_hint(false).to_string();
    let mut lines: Vec<String> = text.lines().filter(|line| !line.starts_with("@@")).map(str::to_owned).collect();
    if lines.len() > SHOWN_LINES {
        let more = lines.len() - SHOWN_LINES;
        lines.truncate(SHOWN_LINES);
        lines.push(format!("… {more} more lines"));
    }
    lines
}
