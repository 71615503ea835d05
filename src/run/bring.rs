//! Bringing to a host the bytes that it lacks: from the operator, or from a host that has them.

use std::sync::Arc;

use super::error::Failure;
use super::execute::Executor;
use super::hold::{Trouble, broken};
use super::peers::Way;
use super::progress::Progress;
use super::ways::Ways;
use crate::host::part::Source;
use crate::host::part::script::{Verdict, staging_script};
use crate::host::{Machine, Script, Step};

/// How long the check of the disk's room may take.
const STAGING_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120);

impl Executor {
    /// Brings what the host lacks, each distinct entry once.
    pub(super) async fn bring(
        &self,
        machine: &dyn Machine,
        step: &Step,
        verdicts: &[Verdict],
        ways: Ways<'_>,
    ) -> Result<(), Trouble> {
        let sources = lacking(step, verdicts);
        if sources.is_empty() {
            return Ok(());
        }
        let output = machine.run(&Script::new(staging_script(&sources, ways.places), STAGING_TIMEOUT)).await?;
        if output.status != 0 {
            return Err(broken(machine, step, &output, "the host cannot take the files that it needs"));
        }
        ways.progress.add_upload(sources.iter().map(|source| source.size).sum());
        let Some(peers) = ways.peers else {
            for source in sources {
                self.upload(machine, step, source, ways.progress).await?;
            }
            return Ok(());
        };
        let (mut shared, own): (Vec<&Source>, Vec<&Source>) =
            sources.into_iter().partition(|source| peers.serve(&source.sha256));
        for source in own {
            self.upload(machine, step, source, ways.progress).await?;
        }
        while !shared.is_empty() {
            let way = peers.next(machine.name(), &shared, &self.uploads).await;
            let digest = match &way {
                Way::Fetched(digest) => *digest,
                Way::Upload(turn) => turn.digest,
            };
            let Some(index) = shared.iter().position(|source| source.sha256 == digest) else { continue };
            let source = shared.remove(index);
            match way {
                Way::Fetched(_) => ways.progress.moved(source.size),
                Way::Upload(turn) => {
                    self.upload(machine, step, source, ways.progress).await?;
                    peers.uploaded(turn, source, &self.uploads).await;
                }
            }
        }
        Ok(())
    }

    /// The operator's own upload.
    async fn upload(
        &self,
        machine: &dyn Machine,
        step: &Step,
        source: &Source,
        progress: &Arc<Progress>,
    ) -> Result<(), Trouble> {
        // Fails only when the semaphore is closed, which nobody does.
        let _permit = self.uploads.acquire().await;
        let reader = self.store.open(&source.path).map_err(|error| {
            let reason = format!("cannot read {} from the bundle", source.path);
            let mut failure = Failure::new(Some(machine.name()), &step.id, &step.title, reason);
            failure.source = Some(Box::new(error));
            Trouble::from(failure)
        })?;
        machine.upload(progress.watch(reader), source.size, &self.places.upload_path(source)).await?;
        Ok(())
    }
}

/// The distinct entries that have to come.
fn lacking<'a>(step: &'a Step, verdicts: &[Verdict]) -> Vec<&'a Source> {
    let mut sources: Vec<&Source> = Vec::new();
    for (part, verdict) in step.parts.iter().zip(verdicts) {
        if let (Some(source), Verdict::Differs { upload: true }) = (part.source(), verdict)
            && !sources.iter().any(|known| known.sha256 == source.sha256)
        {
            sources.push(source);
        }
    }
    sources
}
