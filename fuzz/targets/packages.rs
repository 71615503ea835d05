//! Databases of packages. The first byte says of which package manager.
#![no_main]

use kk::sbom::{apk, dpkg, release, rpm};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((manager, bytes)) = bytes.split_first() else { return };
    let packages = match manager % 4 {
        0 => dpkg::read(bytes),
        1 => apk::read(bytes),
        2 => rpm::read(&bytes),
        _ => {
            let _ = release::read(bytes);
            return;
        }
    };
    for package in packages.unwrap_or_default() {
        assert!(!package.name.is_empty() && !package.name.chars().any(char::is_control));
    }
});
