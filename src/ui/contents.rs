//! What a bundle holds, as tables.

use super::table;
use crate::jobs::inspect::Contents;
use crate::quantity::bytes;

/// Components, images and files with their sizes, and the totals.
pub fn contents(contents: &Contents) -> String {
    let inventory = &contents.inventory;
    let release = inventory.release.map_or(String::new(), |release| format!(", release {release},"));
    let mut out =
        format!("{}{release} for {}\ndigest {}\n", inventory.name, inventory.arches.join(", "), contents.digest);
    if let Some(key) = &contents.signed_by {
        out += &format!("signed, as it says, by {key}; kk artifact verify --key checks that\n");
    }
    let components = inventory.components.iter();
    let components =
        components.map(|one| [one.name.clone(), one.version.clone(), one.arch.clone(), bytes(one.entry.size)]);
    let images = inventory.images.iter().zip(&contents.image_sizes).map(|(image, size)| {
        let platforms: Vec<&str> = image.platforms.iter().map(|one| one.platform.as_str()).collect();
        let digest = format!("sha256:{}", image.digest.hex().get(..12).unwrap_or_default());
        [image.reference.clone(), platforms.join(", "), digest, bytes(*size)]
    });
    let files = inventory.files.iter().map(|file| [file.entry.path.clone(), bytes(file.entry.size)]);
    let charts = inventory.charts.iter().map(|one| [one.name.clone(), one.version.clone(), bytes(one.entry.size)]);
    let packages = inventory.packages.iter();
    let packages = packages.map(|one| [one.id.clone(), one.version.clone(), one.arch.clone(), bytes(one.entry.size)]);
    for (count, section) in [
        (inventory.components.len(), table(&["component", "version", "arch", "size"], components)),
        (inventory.images.len(), table(&["image", "platforms", "digest", "size"], images)),
        (inventory.charts.len(), table(&["chart", "version", "size"], charts)),
        (inventory.packages.len(), table(&["packages of", "version", "arch", "size"], packages)),
        (inventory.files.len(), table(&["file", "size"], files)),
    ] {
        if count > 0 {
            out += &format!("\n{}\n", section.trim_end());
        }
    }
    let totals = contents.totals;
    let all = [totals.components, totals.blobs, totals.charts, totals.packages, totals.files];
    let all = all.into_iter().fold(0u64, u64::saturating_add);
    out += &format!(
        "\n{} components {}, {} images in {} blobs {}, in all {}",
        inventory.components.len(),
        bytes(totals.components),
        inventory.images.len(),
        inventory.blobs.len(),
        bytes(totals.blobs),
        bytes(all),
    );
    out
}
