//! `kk config template`: the built-in templates, to read and to start one's own from.

use super::{JobError, Kind};
use crate::install::templates::BUILT_IN;
use crate::yaml::nearest;

/// The names of all templates.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The text of the template of this name.
pub fn text(name: &str) -> Result<&'static str, JobError> {
    let found = BUILT_IN.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text).ok_or_else(|| {
        let error = JobError::new(Kind::Usage, format!("there is no template {name:?}"));
        match nearest(name, names()) {
            Some(near) => error.hint(format!("did you mean {near:?}?")),
            None => error.hint("kk config template lists all of them"),
        }
    })
}
