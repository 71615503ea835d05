//! `kk delete node`: one host leaves its cluster.

use std::path::PathBuf;
use std::time::Duration;

use super::change::Change;
use super::left_out::LeftOut;
use super::site::Site;
use super::{JobError, Kind, engine, facts, files, leaving};
use crate::cluster::Cluster;
use crate::event::{Event, Events};
use crate::install::kubernetes;
use crate::plan::{self, leave, leave::Leaving};
use crate::run::Summary;

/// What the command was asked to do.
pub struct Options {
    pub name: String,
    pub cluster_file: PathBuf,
    /// How long emptying the node may take.
    pub drain: Duration,
    /// Delete pods too that nothing starts again elsewhere.
    pub force: bool,
    /// The host cannot be reached and never will be.
    pub gone: bool,
    pub change: Change,
}

/// What came of it.
pub struct Outcome {
    /// `None` after a dry run.
    pub run: Option<Summary>,
    /// The plan of a dry run, or what is left for the user to do.
    pub text: String,
}

/// Refuses what must not be, asks, takes the host out, lets the others follow.
pub async fn run(options: Options, events: Events) -> Result<Outcome, JobError> {
    let (cluster, lines) = files::cluster_with_lines(&options.cluster_file, &options.name)?;
    files::refuse_unsupported(&cluster)?;
    leave::may_leave(&cluster, &options.name).map_err(|refusal| leaving::refused(&refusal))?;
    for message in leave::warnings(&cluster, &options.name) {
        events.emit(Event::Warning { message });
    }
    let after = cluster.without(&options.name);

    let site = Site::of_cluster(&cluster)?;
    let _lock = engine::lock(&site, "delete node")?;
    let reached = if options.gone { &after } else { &cluster };
    let mut hosts =
        site.connect(reached, &options.change.connect, &events).await.map_err(|error| unreached(error, &options))?;
    let facts = facts::of(&mut hosts, &mut LeftOut::default(), &events).await?;
    let lead = leaving::lead(&after, &facts)?;
    let etcd = leaving::etcd(&after, &hosts).await;
    // Pods on a host that is gone are lost already, and the API may not answer before the others are led elsewhere.
    let pods = if options.gone { Vec::new() } else { leaving::pods(lead, &options.name, &hosts).await? };

    let fail = |source| JobError::new(Kind::File, "no plan can be made").because(source);
    let (authority, operator) = site.operators_keys()?;
    let kubeconfig = kubernetes::kubeconfig(&after, &authority, &operator).map_err(fail)?;
    let leaving = Leaving {
        cluster: &cluster,
        name: &options.name,
        gone: options.gone,
        force: options.force,
        drain: options.drain,
        lead,
        etcd: etcd.as_ref(),
        pods: &pods,
        templates: &site.templates()?,
        kubeconfig: Some((site.kubeconfig(), kubeconfig)),
    };
    leave::may_leave_now(&leaving).map_err(|refusal| leaving::refused(&refusal))?;
    let plan = plan::leave(&leaving).map_err(fail)?;
    let Change { connect, .. } = &options.change;
    let command = format!("delete node {}", options.name);
    let changes = engine::would_change(&plan, &hosts, connect);
    if let Some(text) = options.change.shown(&command, &cluster, &[&plan], None, changes).await? {
        return Ok(Outcome { run: None, text });
    }
    options.change.agree(&question(&cluster, &options))?;
    let run = engine::execute(&command, &plan, &hosts, None, &site, connect, &events).await?;
    Ok(Outcome { run: Some(run), text: what_is_left(&options, &lines) })
}

/// A host that cannot be reached may be the one that is to leave.
fn unreached(error: JobError, options: &Options) -> JobError {
    let named = format!("{}: ", options.name);
    if options.gone || !error.details.iter().any(|line| line.starts_with(&named)) {
        return error;
    }
    error.hint(format!("if {} is gone for good, --gone takes it out of the cluster without it", options.name))
}

/// What will be lost, by name.
fn question(cluster: &Cluster, options: &Options) -> String {
    let name = &options.name;
    let roles = cluster.roles_of(name).join(", ");
    let mut text = format!("This takes {name} ({roles}) out of cluster {}:\n", cluster.name);
    if options.gone {
        text.push_str("  the host itself is left as it is, since it is gone\n");
    } else {
        text.push_str("  its pods move to other nodes; what they keep on this one is lost\n");
        text.push_str("  Kubernetes, containerd and etcd are removed from it with their data\n");
    }
    text.push_str("Delete it?");
    text
}

fn what_is_left(options: &Options, lines: &[String]) -> String {
    let file = options.cluster_file.display();
    let mut text = format!("{} is no part of the cluster any more. Take it out of {file} now:\n", options.name);
    for line in lines {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str("Until then, kk create cluster and kk add nodes would bring it in again.");
    if options.gone {
        text.push_str(&format!(
            "\nShould {0} ever start again, it does not know that it has left: run kk delete node {0} once more, without --gone, before its lines go.",
            options.name
        ));
    }
    text
}
