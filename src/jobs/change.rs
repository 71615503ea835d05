//! How a command goes about changing hosts: shows what it would do, holds it against what was approved, asks.

use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::site::ConnectOptions;
use super::{JobError, Kind, files};
use crate::cluster::Cluster;
use crate::digest::Digest;
use crate::plan::{Approved, Plan, Preview};

/// No saved plan is larger than this many bytes: a thousand hosts have about one megabyte.
const LARGEST: u64 = 64 << 20;

/// What a command that changes hosts is given beside its own options.
pub struct Change {
    pub intent: Intent,
    /// A plan that is shown is shown as JSON.
    pub json: bool,
    /// Asks the user a question; always yes with `--yes`.
    pub confirm: Box<dyn Fn(&str) -> bool>,
    pub connect: ConnectOptions,
}

/// What is to become of the plan once it is made.
#[derive(Clone, Debug)]
pub enum Intent {
    /// It is run.
    Run,
    /// What it would change is shown, and nothing is changed.
    Show,
    /// The same, and it is kept in this file.
    Save(PathBuf),
    /// It is run if it does what the plan in this file does.
    RunApproved(PathBuf),
}

impl Intent {
    /// Whether hosts may be changed in the end.
    pub fn changes_hosts(&self) -> bool {
        matches!(self, Self::Run | Self::RunApproved(_))
    }
}

impl Change {
    /// The text that the command ends with where it only shows what it would do; `None` where it is to go on.
    ///
    /// `changes` says what the work would change. `plans` are run one after the other; none where what they put in place is
    /// made anew for every run, as certificates are, and only what `changes` says can be held against another day.
    ///
    /// # Errors
    /// The plan does something else than the one that was approved.
    pub async fn shown(
        &self,
        command: &str,
        cluster: &Cluster,
        plans: &[&Plan],
        bundle: Option<Digest>,
        changes: impl Future<Output = Result<Preview, JobError>>,
    ) -> Result<Option<String>, JobError> {
        let made = |preview: &Preview| Approved::new(command, &cluster.name, plans, bundle, preview);
        match &self.intent {
            Intent::Run => Ok(None),
            Intent::Show => {
                let preview = changes.await?;
                if self.json { to_json(&made(&preview)).map(Some) } else { Ok(Some(preview.text)) }
            }
            Intent::Save(path) => {
                let preview = changes.await?;
                let (text, json) = (&preview.text, to_json(&made(&preview))?);
                files::write_whole(path, json.as_bytes())?;
                let kept = format!("{text}\nThis plan is kept in {0}; --plan {0} runs it.\n", path.display());
                Ok(Some(if self.json { json } else { kept }))
            }
            Intent::RunApproved(path) => {
                let approved = read(path)?;
                let differences = approved.differences(&made(&changes.await?));
                if differences.is_empty() {
                    return Ok(None);
                }
                let message =
                    format!("what would be done now is not what {} says; nothing was changed", path.display());
                Err(JobError::new(Kind::Preflight, message)
                    .details(differences)
                    .hint("look why the site is otherwise; --save-plan makes a new plan to approve"))
            }
        }
    }

    /// Asks; a no is an error, and nothing has been changed by then.
    pub fn agree(&self, question: &str) -> Result<(), JobError> {
        match (self.confirm)(question) {
            true => Ok(()),
            false => Err(JobError::new(Kind::Declined, "nothing was changed")),
        }
    }
}

fn to_json(plan: &Approved) -> Result<String, JobError> {
    serde_json::to_string(plan).map_err(|source| JobError::internal("the plan cannot be written", source))
}

fn read(path: &Path) -> Result<Approved, JobError> {
    let no_plan = || JobError::new(Kind::File, format!("{} is no saved plan", path.display()));
    let mut text = String::new();
    let file = std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    file.map_err(|source| JobError::new(Kind::File, format!("{} cannot be read", path.display())).because(source))?;
    if text.len() as u64 > LARGEST {
        return Err(no_plan().details([format!("it is larger than {LARGEST} bytes")]));
    }
    let approved: Approved =
        serde_json::from_str(&text).map_err(|source| no_plan().because(source).hint("--save-plan FILE makes one"))?;
    if approved.format != Approved::FORMAT {
        let (its, known) = (approved.format, Approved::FORMAT);
        return Err(no_plan().details([format!("its format is {its}, and this kk knows {known}")]));
    }
    Ok(approved)
}
