//! Under which name an image lies in the registry that it is pushed to.

use std::collections::BTreeMap;

use crate::bundle::inventory::Image;
use crate::image::Reference;
use crate::jobs::{JobError, Kind};

/// How names are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// The registry; its own images keep their names.
    pub registry: String,
    /// Folders before every name; empty for none.
    pub prefix: String,
    /// Leave out the source registry.
    pub flat: bool,
}

impl Naming {
    /// Repository with tag or digest: `mirror/docker.io/library/nginx:1.29`.
    ///
    /// The source registry becomes a folder, so that images of the same name from two registries stay apart; a port of it
    /// follows a dash, since no repository's name holds a colon.
    fn target(&self, reference: &Reference) -> String {
        let mut name = String::new();
        if !self.prefix.is_empty() {
            name += &format!("{}/", self.prefix);
        }
        if !self.flat && reference.host() != self.registry {
            name += &format!("{}/", reference.host().replace(':', "-").replace(['[', ']'], ""));
        }
        name += reference.repository();
        match (reference.tag(), reference.digest()) {
            (Some(tag), _) => format!("{name}:{tag}"),
            (None, Some(digest)) => format!("{name}@{digest}"),
            (None, None) => name,
        }
    }

    /// Pairs of the reference in the bundle and its place in the registry. Two images for one place are refused.
    pub fn pairs(&self, images: &[&Image]) -> Result<Vec<(String, String)>, JobError> {
        let mut pairs = Vec::new();
        let mut taken: BTreeMap<String, &Image> = BTreeMap::new();
        let mut clashes = Vec::new();
        for image in images {
            let reference: Reference = image
                .reference
                .parse()
                .map_err(|error| JobError::new(Kind::Bundle, "an image cannot be named").because(error))?;
            let target = self.target(&reference);
            match taken.insert(target.clone(), image) {
                Some(other) if other.digest != image.digest => {
                    clashes.push(format!("{} and {} would both be {target}", other.reference, image.reference));
                }
                // The same image under two names of one place is pushed once.
                Some(_) => {}
                None => pairs.push((image.reference.clone(), target)),
            }
        }
        if clashes.is_empty() {
            return Ok(pairs);
        }
        Err(JobError::new(Kind::Usage, "different images would have one name; nothing was pushed")
            .details(clashes)
            .hint("without --flat, the name of the source registry keeps them apart"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn target(naming: &Naming, reference: &str) -> String {
        naming.target(&reference.parse().unwrap())
    }

    #[test]
    fn the_source_registry_is_a_folder() {
        let naming = Naming { registry: "reg.example:5000".into(), ..Naming::default() };
        assert_eq!(target(&naming, "nginx:1.29"), "docker.io/library/nginx:1.29");
        assert_eq!(target(&naming, "reg.example:5000/a/b:v1"), "a/b:v1");
        assert_eq!(target(&naming, "localhost:5001/a:v1"), "localhost-5001/a:v1");
        let digest = Digest::of(b"x");
        assert_eq!(target(&naming, &format!("quay.io/a@{digest}")), format!("quay.io/a@{digest}"));
        let flat = Naming { prefix: "mirror/k8s".into(), flat: true, ..naming };
        assert_eq!(target(&flat, &format!("quay.io/a:v1@{digest}")), "mirror/k8s/a:v1");
    }

    #[test]
    fn two_images_do_not_share_a_name() {
        let image = |reference: &str, content: &[u8]| Image {
            reference: reference.into(),
            digest: Digest::of(content),
            media_type: String::new(),
            platforms: Vec::new(),
        };
        let (one, other, same) =
            (image("quay.io/a:v1", b"1"), image("ghcr.io/a:v1", b"2"), image("ghcr.io/a:v1", b"1"));
        let flat = Naming { flat: true, ..Naming::default() };
        assert!(Naming::default().pairs(&[&one, &other]).is_ok());
        assert_eq!(flat.pairs(&[&one, &same]).unwrap().len(), 1);
        let error = flat.pairs(&[&one, &other]).unwrap_err();
        assert_eq!(error.details, ["quay.io/a:v1 and ghcr.io/a:v1 would both be a:v1"]);
    }
}
