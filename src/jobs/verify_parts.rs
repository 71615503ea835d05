//! `kk artifact verify --parts`: whether the parts on a medium are whole, wherever the others are.

use std::path::PathBuf;

use serde::Serialize;

use super::{JobError, Kind, gather};
use crate::bundle::VerifyDepth;
use crate::bundle::medium::DamagedPart;
use crate::bundle::parts::{self, PartSet, Source};
use crate::event::{Event, Events};

/// What was checked.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedParts {
    /// Name of the bundle's file.
    pub name: String,
    /// How many parts the bundle has.
    pub count: u32,
    /// Numbers of the parts that are here and whole.
    pub whole: Vec<u32>,
    /// Numbers of the parts that are not here.
    pub missing: Vec<u32>,
}

/// Reads every part that is there once, each copy of it, and checks it against the checksums in its own header.
pub fn run(paths: &[PathBuf], depth: VerifyDepth, events: &Events) -> Result<CheckedParts, JobError> {
    let parts = match gather::sources(paths, events)?.as_slice() {
        [Source::Parts(parts)] => parts.clone(),
        [Source::File(path)] => {
            let message = format!("{} is not a part of a bundle", path.display());
            return Err(JobError::new(Kind::Usage, message).hint("check a bundle in one piece without --parts"));
        }
        _ => return Err(JobError::new(Kind::Usage, "name the parts of one bundle with -a")),
    };
    let damaged = damaged(&parts, depth, events);
    if !damaged.is_empty() {
        let message = format!("parts of {} are damaged", parts.set.name);
        return Err(JobError::new(Kind::Bundle, message).details(damaged.iter().map(ToString::to_string)));
    }
    let count = parts.set.cut.count();
    let (whole, missing) = (1..=count).partition(|number| parts.parts.contains_key(number));
    Ok(CheckedParts { name: parts.set.name, count, whole, missing })
}

fn damaged(parts: &PartSet, depth: VerifyDepth, events: &Events) -> Vec<DamagedPart> {
    let mut damaged = parts.damaged.clone();
    let copies = || parts.parts.values().flatten();
    events.emit(Event::BytesTotal { total: copies().map(|(_, header)| header.length()).sum() });
    for (path, header) in copies() {
        let how = match parts::medium::is_whole(path, header, depth, events) {
            Ok(true) => continue,
            Ok(false) => String::new(),
            Err(error) => error.to_string(),
        };
        damaged.push(DamagedPart { index: header.index, count: parts.set.cut.count(), path: path.clone(), how });
    }
    damaged.sort_by(|one, other| (one.index, &one.path).cmp(&(other.index, &other.path)));
    damaged
}
