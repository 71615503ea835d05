//! The plans of an installation that ends early: its first stages, which a later one finds done.

use super::Plan;
use super::create::Stages;
use crate::install::{Inputs, InstallError};

/// The stages of `kk init os`: all hosts as `kk create cluster` wants them before it brings anything there.
pub fn init_os(inputs: &Inputs) -> Result<Plan, InstallError> {
    let mut stages = Stages::default();
    stages.systems(inputs, &inputs.cluster.spec.hosts.iter().collect::<Vec<_>>())?;
    Ok(stages.plan(inputs))
}

/// The stages of `kk init registry`: the hosts of role registry, and no other one; with the bundle's images where they
/// are to be pushed.
pub fn init_registry(inputs: &Inputs, push_images: bool) -> Result<Plan, InstallError> {
    let mut stages = Stages::default();
    stages.systems(inputs, &inputs.cluster.registry_hosts())?;
    stages.registries(inputs, push_images)?;
    Ok(stages.plan(inputs))
}
