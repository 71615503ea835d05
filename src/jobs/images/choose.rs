//! Which images of a bundle are meant.

use crate::bundle::Inventory;
use crate::bundle::inventory::Image;
use crate::image::Reference;
use crate::jobs::{JobError, Kind};

/// The images that any of these patterns names, in the inventory's order; all where there is no pattern.
///
/// A pattern is a reference, whole or its last folders (`pause:3.10` is `registry.k8s.io/pause:3.10`); without a tag it means
/// all of them. Or it is a text in which `*` stands for anything.
pub fn choose<'a>(inventory: &'a Inventory, patterns: &[String]) -> Result<Vec<&'a Image>, JobError> {
    let unknown: Vec<String> = patterns
        .iter()
        .filter(|pattern| !inventory.images.iter().any(|image| names(pattern, &image.reference)))
        .map(|pattern| format!("no image of the bundle is named {pattern}"))
        .collect();
    if !unknown.is_empty() {
        return Err(JobError::new(Kind::Usage, "the bundle does not hold every image that was named")
            .details(unknown)
            .hint("kk artifact images list shows those that it holds"));
    }
    let chosen = |image: &&Image| patterns.is_empty() || patterns.iter().any(|one| names(one, &image.reference));
    Ok(inventory.images.iter().filter(chosen).collect())
}

/// Whether a pattern names this image.
fn names(pattern: &str, reference: &str) -> bool {
    if pattern.contains('*') {
        return matches(pattern, reference);
    }
    let Ok(image) = reference.parse::<Reference>() else { return pattern == reference };
    if pattern == reference || pattern.parse() == Ok(image.clone()) {
        return true;
    }
    let (name, tag) = match pattern.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (pattern, None),
    };
    let whole = format!("{}/{}", image.host(), image.repository());
    let ends = whole.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    !name.is_empty() && ends && tag.is_none_or(|tag| image.tag() == Some(tag))
}

/// Whether a text is what a pattern with `*` describes.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(piece) = last.replace(piece) {
            match rest.split_once(piece) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
    }
    rest.ends_with(last.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_named_by_their_last_folders() {
        let nginx = "docker.io/library/nginx:1.29";
        for pattern in ["nginx", "nginx:1.29", "library/nginx", nginx, "docker.io/*", "*nginx*", "*", "*:1.29", "d*x*9"]
        {
            assert!(names(pattern, nginx), "{pattern}");
        }
        for pattern in
            ["nginx:1.28", "quay.io/library/nginx", "inx", ":1.29", "quay.io/*", "*:1.2", "*nginx", "No Name", ""]
        {
            assert!(!names(pattern, nginx), "{pattern}");
        }
        assert!(!matches("ab*ba", "aba"), "nothing counts twice");
    }
}
