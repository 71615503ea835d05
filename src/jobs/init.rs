//! `kk init os` and `kk init registry`: an installation that ends early. A later one finds done what was done here.

use super::installation::Installation;
pub use super::installation::{Options, Outcome};
use super::{JobError, Kind, push};
use crate::event::Events;
use crate::image::{Client, RegistryAccess};
use crate::install::registry;
use crate::plan::{self, Extent};

/// As they are typed.
pub const OS: &str = "init os";
pub const REGISTRY: &str = "init registry";

/// Prepares the operating systems of all hosts, and brings nothing else there.
pub async fn os(options: Options, events: Events) -> Result<Outcome, JobError> {
    let mut installation = Installation::begin(OS, Extent::Os, &options, &events).await?;
    installation.preflight(&events)?;
    let plan = installation.with_inputs(plan::init_os)?;
    let (name, hosts) = (&installation.cluster.name, count(installation.cluster.spec.hosts.len()));
    let question = format!("Prepare the operating systems of the {hosts} of cluster {name}?");
    let mut outcome = installation.carry_out(plan, &question, &options.change, &events).await?;
    if outcome.run.is_some() {
        outcome.text = go_on(&options);
    }
    Ok(outcome)
}

/// Installs the registry that the cluster file gives a host to, and pushes images if that was asked for.
pub async fn registry(options: Options, events: Events) -> Result<Outcome, JobError> {
    let mut installation = Installation::begin(REGISTRY, Extent::Registry, &options, &events).await?;
    installation.preflight(&events)?;
    let (plan, access) = installation.with_inputs(|inputs| {
        let plan = plan::init_registry(inputs, options.push_images)?;
        Ok((plan, registry::access(inputs)))
    })?;
    let question = question(&installation, options.push_images);
    let mut outcome = installation.carry_out(plan, &question, &options.change, &events).await?;
    if outcome.run.is_some() {
        if let Some(access) = access {
            refuse_silence(access.clone(), &installation).await?;
            outcome.text = stands(&installation, &access, &options);
        }
        outcome.text += &go_on(&options);
    }
    Ok(outcome)
}

fn question(installation: &Installation, push_images: bool) -> String {
    let hosts: Vec<&str> = installation.cluster.registry_hosts().iter().map(|host| host.name.as_str()).collect();
    let images = if push_images { ", and push the bundle's images into it" } else { "" };
    format!("Install the registry of cluster {} on {}{images}?", installation.cluster.name, hosts.join(", "))
}

/// On its host the registry listens by now. What counts is that it takes the site's account from here, as for a push.
async fn refuse_silence(mut access: RegistryAccess, installation: &Installation) -> Result<(), JobError> {
    let message = format!("the registry {} runs, and cannot be used from this machine", access.host);
    let failed = || {
        JobError::new(Kind::Host, message.clone())
            .hint("look what stands between this machine and the registry's port, and run the same command again")
    };
    let cluster = &installation.cluster;
    let runs_on = cluster.registry_hosts().first().map(|host| (host.name.clone(), registry::port(cluster)));
    let relay = push::lead(&mut access, runs_on.as_ref(), &installation.hosts).await;
    let _relay = relay.map_err(|source| failed().because(source))?;
    let client = Client::new(&access).map_err(|source| failed().because(source))?;
    client.login().await.map_err(|source| failed().because(source))
}

fn stands(installation: &Installation, access: &RegistryAccess, options: &Options) -> String {
    let place = access.address.map(|address| format!(" at {address}")).unwrap_or_default();
    let account = access.username.as_ref().map(|name| format!(", account {name}")).unwrap_or_default();
    let mut text = format!("registry     {}{place}{account}\n", access.host);
    text.push_str(&format!("authority    {}\n", installation.site.kept_certificate("registry-ca").0.display()));
    if !options.push_images {
        text.push_str(&format!("push images  kk artifact images push {}\n", files_of(options)));
    }
    text
}

fn go_on(options: &Options) -> String {
    format!("go on with   kk create cluster {}\n", files_of(options))
}

/// The files as they were named.
fn files_of(options: &Options) -> String {
    let bundle: String = options.bundle.iter().map(|path| format!(" -a {}", path.display())).collect();
    format!("-f {}{bundle}", options.cluster_file.display())
}

fn count(hosts: usize) -> String {
    if hosts == 1 { "1 host".to_owned() } else { format!("{hosts} hosts") }
}
