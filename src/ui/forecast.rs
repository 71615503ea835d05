//! What an export would do, as tables.

use super::table;
use crate::jobs::export::{Forecast, State};
use crate::quantity::bytes;

/// A line for each entry and image, and the sums.
pub fn forecast(forecast: &Forecast) -> String {
    let mut out = String::new();
    let entries = forecast.entries.iter().map(|one| {
        let size = one.size.map_or("unknown".to_owned(), bytes);
        let state = match one.state {
            State::Cached => "cached",
            State::ToFetch => "to fetch",
            State::LeftOut => "in the base",
        };
        [one.path.clone(), size, state.to_owned()]
    });
    if !forecast.entries.is_empty() {
        out += &format!("{}\n\n", table(&["entry", "size", ""], entries).trim_end());
    }
    let images = forecast.images.iter().map(|one| {
        let digest = format!("sha256:{}", one.digest.hex().get(..12).unwrap_or_default());
        [one.reference.clone(), one.platforms.join(", "), digest, bytes(one.size), bytes(one.to_fetch)]
    });
    if !forecast.images.is_empty() {
        let headers = ["image", "platforms", "digest", "size", "to fetch"];
        out += &format!("{}\n\n", table(&headers, images).trim_end());
    }
    out += &format!(
        "{} entries and {} images in {} blobs: {}, of which {} are cached and {} to be fetched\n",
        forecast.entries.len(),
        forecast.images.len(),
        forecast.blobs,
        bytes(forecast.size),
        bytes(forecast.cached),
        bytes(forecast.to_fetch),
    );
    if forecast.left_out > 0 {
        out += &format!("{} more are left out: the base has them\n", bytes(forecast.left_out));
    }
    if forecast.unknown > 0 {
        out += &format!("{} of them tell no size before they are downloaded\n", forecast.unknown);
    }
    out += &format!("the bundle will be about {}\n", bytes(forecast.bundle_estimate));
    for room in &forecast.disk {
        let free = room.free.map_or(String::new(), |free| format!(", and {} are free", bytes(free)));
        out += &format!("{} {}: {} needed{free}\n", room.what, room.path.display(), bytes(room.needed));
    }
    out.trim_end().to_owned()
}
