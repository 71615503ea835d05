//! Tar headers (POSIX.1-1988 ustar), always with the same owner, time and modes, so that equal content gives equal bytes.

/// Tar works in blocks of this many bytes.
pub(super) const BLOCK: u64 = 512;

/// Two blocks of zeros end an archive (POSIX pax, "ustar Interchange Format").
pub(super) const END: [u8; 1024] = [0; 1024];

/// 1980-01-01T00:00:00Z, the oldest time that every file system can hold; tar warns of times as old as 1970.
const MTIME: u64 = 315_532_800;

/// The largest size that eleven octal digits hold; above it the size is written in base 256, as GNU tar and pax do.
const OCTAL_MAX: u64 = 0o77777777777;

pub(super) type Header = [u8; BLOCK as usize];

/// A path that a ustar header cannot hold: at most 100 bytes after a slash and 155 before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path {path} is too long for a tar header")]
pub struct PathTooLong {
    pub path: String,
}

/// The only header that a regular file of this path, size (bytes) and mode has in a bundle.
pub(super) fn header(path: &str, size: u64, mode: u32) -> Result<Header, PathTooLong> {
    let (prefix, name) = split(path).ok_or_else(|| PathTooLong { path: path.to_owned() })?;
    let mut out = [0u8; BLOCK as usize];
    out[..name.len()].copy_from_slice(name.as_bytes());
    octal(&mut out[100..108], u64::from(mode));
    octal(&mut out[108..116], 0);
    octal(&mut out[116..124], 0);
    if size <= OCTAL_MAX {
        octal(&mut out[124..136], size);
    } else {
        out[124] = 0x80;
        out[128..136].copy_from_slice(&size.to_be_bytes());
    }
    octal(&mut out[136..148], MTIME);
    out[156] = b'0';
    out[257..265].copy_from_slice(b"ustar\x0000");
    octal(&mut out[329..337], 0);
    octal(&mut out[337..345], 0);
    out[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
    let sum = checksum(&out);
    out[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(out)
}

/// The size that a header declares, if it can be read.
pub(super) fn declared_size(header: &Header) -> Option<u64> {
    let field = &header[124..136];
    if field[0] == 0x80 {
        return field[1..4].iter().all(|byte| *byte == 0).then(|| {
            let mut bytes = [0u8; 8];
            bytes.copy_from_slice(&field[4..]);
            u64::from_be_bytes(bytes)
        });
    }
    let digits = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(digits, 8).ok()
}

/// What a header that was not expected says of itself, for a message. Never trusts it.
pub(super) fn describe(header: &Header) -> String {
    if header.iter().all(|byte| *byte == 0) {
        return "the end of the archive".into();
    }
    if !is_meant(header) {
        return "a header with a wrong checksum".into();
    }
    let kind = match header[156] {
        b'0' | 0 => "a file",
        b'1' => "a hard link",
        b'2' => "a symbolic link",
        b'3' | b'4' => "a device",
        b'5' => "a directory",
        b'6' => "a pipe",
        b'x' | b'g' => "an extended header",
        b'L' | b'K' => "a long name",
        _ => "an entry of unknown type",
    };
    let path = found_path(header);
    match declared_size(header) {
        Some(size) => format!("{kind} named {path:?} of {size} bytes"),
        None => format!("{kind} named {path:?} of unreadable size"),
    }
}

/// Whether the header's checksum is right, so that what it says was meant.
pub(super) fn is_meant(header: &Header) -> bool {
    let digits = String::from_utf8_lossy(&header[148..156]).trim_matches(['\0', ' ']).to_owned();
    u32::from_str_radix(&digits, 8).ok() == Some(checksum(header))
}

/// The path in a header that was not expected, cut to what fits a message.
pub(super) fn found_path(header: &Header) -> String {
    let text = |field: &[u8]| {
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).into_owned()
    };
    let (prefix, name) = (text(&header[345..500]), text(&header[..100]));
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

/// Prefix and name of a path; the prefix is empty where the path fits the name field.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    path.match_indices('/')
        .map(|(at, _)| (&path[..at], &path[at + 1..]))
        .find(|(prefix, name)| prefix.len() <= 155 && name.len() <= 100 && !name.is_empty())
}

/// Zero-padded octal digits and a NUL, filling the field.
fn octal(field: &mut [u8], value: u64) {
    let width = field.len() - 1;
    let digits = format!("{value:0width$o}\0");
    field.copy_from_slice(digits.as_bytes());
}

/// The sum of all bytes, those of the checksum field taken as spaces.
fn checksum(header: &Header) -> u32 {
    let all: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let own: u32 = header[148..156].iter().map(|byte| u32::from(*byte)).sum();
    all - own + 8 * u32::from(b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_tar_reader_understands_our_headers() {
        let long = format!("files/{}/{}", "d".repeat(90), "n".repeat(90));
        for (path, size) in [("bundle.json", 0), (long.as_str(), 7), ("files/大.iso", 9 << 30)] {
            let ours = header(path, size, 0o644).unwrap();
            let read = tar::Header::from_byte_slice(&ours);
            assert_eq!(read.path().unwrap().to_str().unwrap(), path);
            assert_eq!(read.size().unwrap(), size);
            assert_eq!(read.mode().unwrap(), 0o644);
            assert_eq!(read.mtime().unwrap(), MTIME);
            assert_eq!(read.cksum().unwrap(), checksum(&ours));
            assert_eq!(declared_size(&ours), Some(size));
            assert_eq!(found_path(&ours), path);
        }
    }

    #[test]
    fn a_path_too_long_is_refused() {
        assert!(header(&"n".repeat(101), 0, 0o644).is_err());
        assert!(header(&format!("{}/n", "d".repeat(156)), 0, 0o644).is_err());
    }

    #[test]
    fn an_unexpected_header_is_described() {
        let mut link = header("../../etc/passwd", 0, 0o777).unwrap();
        link[156] = b'2';
        let sum = checksum(&link);
        link[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        insta::assert_snapshot!(describe(&link), @r#"a symbolic link named "../../etc/passwd" of 0 bytes"#);
        link[0] ^= 1;
        insta::assert_snapshot!(describe(&link), @"a header with a wrong checksum");
    }
}
