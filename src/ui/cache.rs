//! What the cache holds, as a table.

use super::table;
use crate::jobs::cache::Listing;
use crate::quantity::bytes;

/// A line for each file, and the totals.
pub fn cache(listing: &Listing) -> String {
    let rows = listing.files.iter().map(|file| {
        let used_as = match file.used_as.as_slice() {
            [] => "-".to_owned(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        };
        let digest = format!("sha256:{}", file.digest.hex().get(..12).unwrap_or_default());
        [digest, bytes(file.size), file.last_used.clone(), used_as]
    });
    let mut out = String::new();
    if !listing.files.is_empty() {
        out += &format!("{}\n\n", table(&["digest", "size", "last used", "used as"], rows).trim_end());
    }
    out += &format!("{}: {} files", listing.path.display(), listing.files.len());
    if listing.unfinished > 0 {
        out += &format!(", {} unfinished downloads of {}", listing.unfinished, bytes(listing.unfinished_size));
    }
    out += &format!(", {} in all; {} exports on record", bytes(listing.size), listing.exports.len());
    out
}
