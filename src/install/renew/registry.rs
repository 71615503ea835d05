//! The registry that kk installed.

use super::Renewal;
use crate::host::Step;
use crate::install::started::restart_unit;
use crate::install::{InstallError, registry};

/// Its new pair, and the registry that uses it.
pub fn renew(renewal: &Renewal) -> Result<Step, InstallError> {
    let mut parts = registry::pair(renewal.keys)?;
    parts.push(restart_unit("registry.service", registry::CERTIFICATES));
    parts.push(registry::listening(renewal.cluster));
    Ok(Step::new("renew/registry", "Renew the certificate of the registry", parts))
}
