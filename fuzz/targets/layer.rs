//! A layer of an image, of which the packages are read. The first byte says how it is packed.
#![no_main]

use kk::sbom::{layer, stack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((packing, bytes)) = bytes.split_first() else { return };
    let media_type = match packing % 3 {
        0 => "application/vnd.oci.image.layer.v1.tar",
        1 => "application/vnd.oci.image.layer.v1.tar+gzip",
        _ => "application/vnd.oci.image.layer.v1.tar+zstd",
    };
    let scan = layer::scan(bytes, media_type);
    let json = serde_json::to_vec(&scan).expect("what a layer says can be written");
    let again: layer::LayerScan = serde_json::from_slice(&json).expect("and read");
    assert_eq!(again, scan);
    stack([("below".to_owned(), &scan), ("above".to_owned(), &again)].into_iter());
});
