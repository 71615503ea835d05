//! Tars made by hand, as docs/reference/bundle-format.md has them.

use kk::digest::Digest;

/// What ends an archive.
pub const END: [u8; 1024] = [0; 1024];

/// An entry: header, content, padding.
pub fn entry(path: &str, content: &[u8]) -> Vec<u8> {
    let mut out = header(path, content.len() as u64, b'0');
    out.extend_from_slice(content);
    out.resize(out.len().div_ceil(512) * 512, 0);
    out
}

/// The header alone, of an entry of this type (POSIX pax, "ustar Interchange Format").
pub fn header(path: &str, size: u64, kind: u8) -> Vec<u8> {
    let mut out = vec![0; 512];
    let mut put = |at: usize, text: &str| out[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, "0000644\0");
    for at in [108, 116, 329, 337] {
        put(at, "0000000\0");
    }
    put(124, &format!("{size:011o}\0"));
    // 1980-01-01T00:00:00Z
    put(136, &format!("{:011o}\0", 315_532_800));
    put(148, "        ");
    put(257, "ustar\x0000");
    out[156] = kind;
    let sum: u32 = out.iter().map(|byte| u32::from(*byte)).sum();
    out[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out
}

/// An inventory and the checksum that fits it.
pub fn front(inventory: &[u8]) -> Vec<u8> {
    let checksum = format!("{}  bundle.json\n", Digest::of(inventory).hex());
    [entry("bundle.json", inventory), entry("bundle.sha256", checksum.as_bytes())].concat()
}
