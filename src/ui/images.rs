//! Images of a bundle, as a table; and what a push did.

use super::table;
use crate::jobs::images::list::Listed;
use crate::jobs::images::push::Outcome;
use crate::quantity::{bytes, seconds};

/// One line an image.
pub fn images(images: &[Listed]) -> String {
    let rows = images.iter().map(|image| {
        let platforms: Vec<&str> = image.platforms.iter().map(|one| one.platform.as_str()).collect();
        [image.reference.clone(), platforms.join(", "), image.digest.to_string(), bytes(image.size)]
    });
    table(&["image", "platforms", "digest", "size"], rows).trim_end().to_owned()
}

/// What is missing after a dry run, one a line; else what was sent.
pub fn pushed(outcome: &Outcome) -> String {
    let (registry, missing, images) = (&outcome.registry, outcome.missing.len(), outcome.images);
    match (outcome.dry_run, missing) {
        (_, 0) => format!("{registry} has all {images} images"),
        (true, _) => format!("{}\n{missing} of {images} images are not in {registry}", outcome.missing.join("\n")),
        (false, _) => format!(
            "{missing} of {images} images pushed to {registry}, {} sent, in {}",
            bytes(outcome.sent),
            seconds(outcome.seconds)
        ),
    }
}
