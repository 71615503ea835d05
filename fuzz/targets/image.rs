//! Documents and names of images: indexes, manifests, configurations, references, platforms.
#![no_main]

use kk::image::manifest::{self, ACCEPTED};
use kk::image::{Platform, Reference};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for announced in ACCEPTED.iter().chain(&["", "application/octet-stream"]) {
        let _ = manifest::read(bytes, announced);
    }
    let _ = manifest::read_platform(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(reference) = text.parse::<Reference>() {
        let again: Reference = reference.to_string().parse().expect("a reference that was written can be read");
        assert_eq!(again.to_string(), reference.to_string());
    }
    if let Ok(platform) = text.parse::<Platform>() {
        let again: Platform = platform.to_string().parse().expect("a platform that was written can be read");
        assert_eq!(again, platform);
    }
});
