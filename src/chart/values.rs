//! The images in a chart's default values: a guess, for where the chart cannot be rendered.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Archive;
use super::images::{Named, in_parts, plausible, whole};

/// Values in values, at most.
const DEEPEST: usize = 64;

/// What `values.yaml` of a chart, and of the charts in it, names as images. None of it is certain: values may be for
/// what is switched off, and templates may name images that no value holds.
pub fn images(archive: &Archive) -> BTreeSet<Named> {
    let mut found = BTreeSet::new();
    let version = archive.metadata.app_version.as_deref().unwrap_or_default();
    let own = std::iter::once(("values.yaml".to_owned(), &archive.values, version));
    let below = archive.values_below.iter().map(|(path, text)| (format!("{path}/values.yaml"), text, ""));
    for (place, text, version) in own.chain(below) {
        if let Ok(values) = serde_saphyr::from_str::<Value>(text) {
            search(&values, &place, version, 0, &mut found);
        }
    }
    found
}

fn search(value: &Value, place: &str, version: &str, depth: usize, found: &mut BTreeSet<Named>) {
    match value {
        _ if depth > DEEPEST => {}
        Value::Array(items) => items.iter().for_each(|item| search(item, place, version, depth + 1, found)),
        Value::Object(fields) => {
            let named = in_parts(fields).or_else(|| at_version(fields, version));
            let image = fields.get("image").and_then(Value::as_str).and_then(plausible);
            found.extend(named.into_iter().chain(image).map(|image| Named {
                image,
                place: place.to_owned(),
                certain: false,
            }));
            fields.values().for_each(|value| search(value, place, version, depth + 1, found));
        }
        _ => {}
    }
}

/// Charts leave the tag empty where it is the version of what they install.
fn at_version(fields: &Map<String, Value>, version: &str) -> Option<crate::image::Reference> {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default().trim();
    let empty = |value: &Value| value.is_null() || value.as_str() == Some("");
    (!version.is_empty() && fields.get("tag").is_some_and(empty))
        .then(|| whole(text("registry"), text("repository"), version, ""))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::archive::metadata;

    #[test]
    fn values_name_images_in_parts() {
        let archive = Archive {
            metadata: metadata("{name: web, version: 1.0.0, appVersion: v9}").unwrap(),
            values: "
image: {registry: ghcr.io, repository: x/web, tag: ''}
sidecar: {image: 'quay.io/x/sidecar:1'}
jobs: [{image: {repository: busybox, tag: 1.36}}]
other: {image: plain, repository: https://example.org/charts}
"
            .into(),
            values_below: [("charts/db".to_owned(), "image: {repository: x/db, tag: '5'}".to_owned())].into(),
        };
        let found: Vec<String> =
            images(&archive).into_iter().map(|one| format!("{} ({}) {}", one.image, one.place, one.certain)).collect();
        insta::assert_snapshot!(found.join("\n"), @"
        docker.io/library/busybox:1.36 (values.yaml) false
        docker.io/x/db:5 (charts/db/values.yaml) false
        ghcr.io/x/web:v9 (values.yaml) false
        quay.io/x/sidecar:1 (values.yaml) false
        ");
    }
}
