//! A plan as a file: shown to whoever approves it, and held against the plan that is made when it is to be run. Pure.
//!
//! What is kept is not the plan itself, which holds secrets and paths of one machine, but what it would change, in words,
//! and a digest of each stage. The same inputs make the same plan, so a site that is as it was passes.

use serde::{Deserialize, Serialize};
use similar::TextDiff;

use super::{Plan, Preview, Stage, StageChange};
use crate::digest::Digest;

/// How many lines of differences are told.
const SHOWN_LINES: usize = 60;

/// What somebody approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approved {
    pub format: u32,
    /// "create cluster".
    pub command: String,
    pub cluster: String,
    /// Version of kk that made it: another one may do the same work by other steps.
    pub kk: String,
    /// Digest of the bundle's inventory, where there is a bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Digest>,
    pub stages: Vec<StageDigest>,
    /// The lines of what would change, as a dry run prints them.
    pub changes: Vec<String>,
    /// The same for programs.
    pub work: Vec<StageChange>,
}

/// A stage, without its secrets, as a digest: what its new files hold counts, of which a dry run shows only the length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageDigest {
    pub name: String,
    pub digest: Digest,
}

impl Approved {
    /// Of the file's form. Another one is refused.
    pub const FORMAT: u32 = 2;

    /// What these plans, which are run one after the other, would do; `preview` what a dry run shows.
    pub fn new(command: &str, cluster: &str, plans: &[&Plan], bundle: Option<Digest>, preview: &Preview) -> Self {
        Self {
            format: Self::FORMAT,
            command: command.to_owned(),
            cluster: cluster.to_owned(),
            kk: env!("CARGO_PKG_VERSION").to_owned(),
            bundle,
            stages: plans.iter().flat_map(|plan| &plan.stages).map(digest_of).collect(),
            changes: preview.text.lines().map(str::to_owned).collect(),
            work: preview.stages.clone(),
        }
    }

    /// What is otherwise now, in sentences and lines of a difference; nothing where all is as it was.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut told = Vec::new();
        let mut field = |what: &str, then: &str, now: &str| {
            if then != now {
                told.push(format!("the plan is {what} {then}, and this is {now}"));
            }
        };
        field("for kk", &self.command, &now.command);
        field("of cluster", &self.cluster, &now.cluster);
        field("of kk", &self.kk, &now.kk);
        let bundle = |one: &Self| one.bundle.as_ref().map_or_else(|| "without one".to_owned(), ToString::to_string);
        field("for the bundle", &bundle(self), &bundle(now));
        if !told.is_empty() {
            return told;
        }
        if self.changes != now.changes {
            let (then, now) = (self.changes.join("\n"), now.changes.join("\n"));
            let diff = TextDiff::from_lines(then.as_str(), now.as_str());
            let text = diff.unified_diff().context_radius(4).missing_newline_hint(false).to_string();
            told.extend(text.lines().filter(|line| !line.starts_with("@@")).map(str::to_owned));
        } else if self.work != now.work {
            told.push("what the plan says for programs is not what it says in words".to_owned());
        } else if self.stages != now.stages {
            let names = |stages: &[StageDigest]| stages.iter().map(|stage| stage.name.clone()).collect::<Vec<_>>();
            if names(&self.stages) == names(&now.stages) {
                let pairs = self.stages.iter().zip(&now.stages).filter(|(then, now)| then != now);
                told.extend(pairs.map(|(then, _)| format!("stage {} would put other content in place", then.name)));
            } else {
                told.push("the stages are other ones".to_owned());
            }
        }
        if told.len() > SHOWN_LINES {
            let more = told.len() - SHOWN_LINES;
            told.truncate(SHOWN_LINES);
            told.push(format!("… {more} more lines"));
        }
        told
    }
}

/// Secrets are left out by their own `Debug`, which is why it is what is hashed.
fn digest_of(stage: &Stage) -> StageDigest {
    StageDigest { name: stage.name.clone(), digest: Digest::of(format!("{stage:?}").as_bytes()) }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::host::{Part, Step};
    use crate::plan::{Order, Task};

    fn plan(content: &str, secret: &str) -> Plan {
        let parts = vec![Part::file("/etc/x", content), Part::secret_file("/etc/key", SecretString::from(secret))];
        let steps = vec![Step::new("os/configure", "Configure", parts)];
        let stage = Stage {
            name: "os".into(),
            title: "Configure".into(),
            after: vec![],
            order: Order::Parallel,
            tasks: vec![Task::Host { host: "node1".into(), steps }],
        };
        Plan { cluster: "sample".into(), stages: vec![stage] }
    }

    fn approved(content: &str, secret: &str, changes: &str) -> Approved {
        let preview = Preview { text: changes.into(), stages: Vec::new() };
        Approved::new("create cluster", "sample", &[&plan(content, secret)], None, &preview)
    }

    #[test]
    fn a_site_that_is_as_it_was_passes_and_secrets_are_no_part_of_it() {
        let then = approved("a", "one", "- file /etc/x\n");
        let kept = serde_json::to_string(&then).unwrap();
        assert!(!kept.contains("one"));
        let then: Approved = serde_json::from_str(&kept).unwrap();
        assert_eq!(then.differences(&approved("a", "another", "- file /etc/x\n")), Vec::<String>::new());
    }

    #[test]
    fn what_is_otherwise_is_told() {
        let then = approved("a", "one", "- file /etc/x\n");
        assert_eq!(
            then.differences(&approved("b", "one", "- file /etc/x\n")),
            ["stage os would put other content in place"]
        );
        let more = then.differences(&approved("a", "one", "- file /etc/x\n- file /etc/y\n"));
        assert!(more.contains(&"+- file /etc/y".to_owned()), "{more:?}");
        let mut other = then.clone();
        other.command = "upgrade".into();
        assert_eq!(then.differences(&other), ["the plan is for kk create cluster, and this is upgrade"]);
    }

    #[test]
    fn what_is_told_has_a_limit() {
        let many: String = (0..500).map(|number| format!("line {number}\n")).collect();
        let told = approved("a", "one", "").differences(&approved("a", "one", &many));
        assert_eq!(told.len(), SHOWN_LINES + 1);
    }
}
