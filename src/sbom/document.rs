//! A bill of materials as CycloneDX 1.6 (ECMA-424), in JSON.
//!
//! Every thing is listed once; `dependencies` says what lies in what: the bundle holds components, images, charts and
//! files, an image holds its platforms, a platform holds its operating system and its packages. There is no time and no
//! chance in it: the same inventory and the same layers give the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::image::{Packages, stack};
use super::purl;
use super::scan::Scans;
use crate::bundle::Inventory;
use crate::bundle::inventory::{Entry, Image, Platform};
use crate::digest::Digest;

/// The reference of the bundle itself.
const BUNDLE: &str = "bundle";

/// What lies in a bundle, and, where its layers were read, what lies in its images.
///
/// The entry at [`super::PATH`] is left out of account, so that a bill of materials is the same whether the inventory
/// lists one already or not; and so are marks of absence: a delta bundle has that of the whole.
pub fn document(inventory: &Inventory, scans: Option<&Scans>) -> Result<Vec<u8>, serde_json::Error> {
    let mut inventory = inventory.whole();
    inventory.files.retain(|file| file.entry.path != super::PATH);
    let serial = serial_number(&Digest::of(&inventory.to_json()?));
    let mut bill = Bill { scans, components: BTreeMap::new(), holds: BTreeMap::new() };
    bill.add_all(&inventory);
    let dependencies: Vec<Value> =
        bill.holds.iter().map(|(one, held)| json!({"ref": one, "dependsOn": held})).collect();
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial,
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "kk", "version": env!("CARGO_PKG_VERSION")}]},
            "component": {"type": "platform", "bom-ref": BUNDLE, "name": inventory.name},
            "properties": [property("kk:packages", if scans.is_some() { "read" } else { "not asked for" })],
        },
        "components": bill.components.into_values().collect::<Vec<Value>>(),
        "dependencies": dependencies,
    });
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A UUID of version 8, whose bits its maker chooses (RFC 9562, section 5.8): here those of the inventory's digest.
fn serial_number(digest: &Digest) -> String {
    let hex = digest.hex();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn property(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

/// The lists of a document under construction, by reference.
struct Bill<'a> {
    scans: Option<&'a Scans>,
    components: BTreeMap<String, Value>,
    holds: BTreeMap<String, BTreeSet<String>>,
}

impl Bill<'_> {
    fn add_all(&mut self, inventory: &Inventory) {
        self.holds.insert(BUNDLE.into(), BTreeSet::new());
        for one in &inventory.components {
            let purl = purl::of_download(&one.name, &one.version, &one.source, &one.entry.sha256);
            let mut value = downloaded(&one.entry, "application", &one.name, &one.version, &one.source);
            value["purl"] = purl.into();
            value["properties"] = json!([property("kk:arch", &one.arch), property("kk:path", &one.entry.path)]);
            self.add(BUNDLE, &format!("entry:{}", one.entry.path), value);
        }
        for one in &inventory.charts {
            let mut value = downloaded(&one.entry, "application", &one.name, &one.version, &one.source);
            value["purl"] = purl::of_download(&one.name, &one.version, &one.source, &one.entry.sha256).into();
            value["properties"] = json!([property("kk:kind", "chart"), property("kk:path", &one.entry.path)]);
            self.add(BUNDLE, &format!("entry:{}", one.entry.path), value);
        }
        for one in &inventory.packages {
            let mut value = downloaded(&one.entry, "file", &one.entry.path, &one.version, &one.source);
            value["properties"] = json!([
                property("kk:arch", &one.arch),
                property("kk:kind", "packages of an operating system"),
                property("kk:system", &one.id),
            ]);
            self.add(BUNDLE, &format!("entry:{}", one.entry.path), value);
        }
        for one in &inventory.files {
            let value = downloaded(&one.entry, "file", &one.entry.path, "", "");
            self.add(BUNDLE, &format!("entry:{}", one.entry.path), value);
        }
        inventory.images.iter().for_each(|image| self.add_image(image));
    }

    fn add_image(&mut self, image: &Image) {
        let (repository, tag) = split(&image.reference);
        let reference = format!("image:{}", image.reference);
        let value = json!({
            "type": "container",
            "name": repository,
            "version": if tag.is_empty() { image.digest.to_string() } else { tag.to_owned() },
            "hashes": [{"alg": "SHA-256", "content": image.digest.hex()}],
            "purl": purl::of_image(repository, &image.digest, tag, ""),
            "properties": [property("kk:reference", &image.reference)],
        });
        self.add(BUNDLE, &reference, value);
        for platform in &image.platforms {
            self.add_platform(&reference, repository, platform);
        }
    }

    fn add_platform(&mut self, image: &str, repository: &str, platform: &Platform) {
        let reference = format!("manifest:{}", platform.manifest);
        let mut properties = vec![property("kk:platform", &platform.platform)];
        // An image that has two names is described once.
        let installed = if self.components.contains_key(&reference) { None } else { self.installed(platform) };
        if let Some(installed) = &installed {
            properties.extend(installed.unread.iter().map(|why| property("kk:packages:unread", why)));
        }
        let arch = platform.platform.split('/').nth(1).unwrap_or_default();
        let value = json!({
            "type": "container",
            "name": repository,
            "version": platform.manifest,
            "hashes": [{"alg": "SHA-256", "content": platform.manifest.hex()}],
            "purl": purl::of_image(repository, &platform.manifest, "", arch),
            "properties": properties,
        });
        self.add(image, &reference, value);
        if let Some(installed) = installed {
            self.add_installed(&reference, &installed);
        }
    }

    /// What the platform's layers say together; nothing where layers were not asked for.
    fn installed(&self, platform: &Platform) -> Option<Packages> {
        let scans = self.scans?;
        // The first blob is the config.
        let layers = platform.blobs.iter().skip(1);
        let read = layers.clone().filter_map(|digest| Some((digest.to_string(), scans.get(digest)?)));
        let mut installed = stack(read);
        let missing = layers.filter(|digest| !scans.contains_key(digest));
        installed.unread.extend(missing.map(|digest| format!("{digest}: it is not in this bundle")));
        Some(installed)
    }

    fn add_installed(&mut self, platform: &str, installed: &Packages) {
        if let Some(release) = &installed.release {
            let mut value = json!({"type": "operating-system", "name": release.id});
            if !release.version.is_empty() {
                value["version"] = release.version.clone().into();
            }
            if !release.title.is_empty() {
                value["description"] = release.title.clone().into();
            }
            self.add(platform, &format!("system:{}:{}", release.distro(), release.title), value);
        }
        for package in &installed.packages {
            let purl = purl::of_package(package, installed.release.as_ref());
            let mut value = json!({
                "type": "library",
                "name": package.name,
                "version": package.version,
                "purl": purl,
            });
            if !package.license.is_empty() {
                value["licenses"] = json!([{"license": {"name": package.license}}]);
            }
            self.add(platform, &purl, value);
        }
    }

    /// Adds a thing that lies in another. Of two under one reference the first is kept: they are the same.
    fn add(&mut self, holder: &str, reference: &str, mut value: Value) {
        if let Value::Object(fields) = &mut value {
            fields.insert("bom-ref".into(), reference.into());
        }
        self.components.entry(reference.to_owned()).or_insert(value);
        self.holds.entry(holder.to_owned()).or_default().insert(reference.to_owned());
    }
}

/// A thing that is an entry of the bundle.
fn downloaded(entry: &Entry, kind: &str, name: &str, version: &str, source: &str) -> Value {
    let mut value = json!({
        "type": kind,
        "name": name,
        "hashes": [
            {"alg": "SHA-256", "content": entry.sha256.hex()},
            {"alg": "BLAKE3", "content": entry.blake3.0},
        ],
    });
    if !version.is_empty() {
        value["version"] = version.into();
    }
    if source.starts_with("http://") || source.starts_with("https://") {
        value["externalReferences"] = json!([{"type": "distribution", "url": source}]);
    }
    value
}

/// Repository and tag of a full reference; the tag is empty where there is none.
fn split(reference: &str) -> (&str, &str) {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, ""),
    }
}
