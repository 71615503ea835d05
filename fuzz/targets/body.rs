//! A tar whose first two entries are right: an inventory, which is the input up to its first zero, and the checksum that
//! fits it. So what follows is reached, which hardly any change of a whole bundle does.
#![no_main]

mod memory;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (inventory, body) = bytes.split_at(end);
    let mut tar = Vec::new();
    entry(&mut tar, "bundle.json", inventory);
    let digest = ring::digest::digest(&ring::digest::SHA256, inventory);
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    entry(&mut tar, "bundle.sha256", format!("{hex}  bundle.json\n").as_bytes());
    tar.extend_from_slice(body.get(1..).unwrap_or_default());
    memory::read(&tar);
});

/// An entry as docs/reference/bundle-format.md has it.
fn entry(tar: &mut Vec<u8>, path: &str, content: &[u8]) {
    let start = tar.len();
    tar.resize(start + 512, 0);
    let mut put = |at: usize, text: &str| tar[start + at..start + at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    // 1980-01-01T00:00:00Z
    put(136, &format!("{:011o}\0", 315_532_800));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    put(329, "0000000\0");
    put(337, "0000000\0");
    let sum: u32 = tar[start..].iter().map(|byte| u32::from(*byte)).sum();
    tar[start + 148..start + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(content);
    tar.resize(tar.len().div_ceil(512) * 512, 0);
}
