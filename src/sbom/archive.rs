//! Walks a tar that may be hostile: entries one after another, with bounded memory (POSIX.1-2024 pax, "ustar Interchange
//! Format" and "pax Header Block"; for long names and sparse files the manual of GNU tar, "Basic Tar Format").

use std::io::{self, BufRead, BufReader, Read};

/// More entries than this are no layer.
const MOST_ENTRIES: u64 = 4_000_000;

/// No path is longer; longer ones are cut by no extension that is read here.
const LONGEST_PATH: u64 = 64 << 10;

/// No extended header is larger; those of Go's archive/tar end at 1 MiB as well.
const LARGEST_EXTENSION: u64 = 1 << 20;

const BLOCK: usize = 512;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    /// Another name of the file at this path.
    HardLink(String),
    Folder,
    /// A symbolic link, a device, a file with holes: nothing whose content could be read in passing.
    Other,
}

/// An entry of a tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root, without `.` and empty parts.
    pub path: String,
    pub kind: Kind,
}

/// Why a tar was not walked to its end.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is not a tar: {what}")]
    Shape { what: &'static str },
    #[error("it has more than {MOST_ENTRIES} entries")]
    TooMany,
}

fn shape(what: &'static str) -> ArchiveError {
    ArchiveError::Shape { what }
}

/// What extended headers say of the next entry.
#[derive(Default)]
struct Said {
    path: Option<String>,
    link: Option<String>,
    size: Option<u64>,
}

/// Calls `visit` with every entry and its content; what `visit` leaves of a content is passed over. Entries whose path
/// leaves the root are left out: no runtime would unpack them.
pub fn walk(source: impl Read, visit: &mut dyn FnMut(&Entry, &mut dyn BufRead)) -> Result<(), ArchiveError> {
    let mut source = BufReader::with_capacity(128 << 10, source);
    let mut said = Said::default();
    for _ in 0..MOST_ENTRIES {
        let mut header = [0u8; BLOCK];
        if !fill(&mut source, &mut header)? || header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        check(&header)?;
        let own = number(&header[124..136]).ok_or(shape("the size of an entry is no number"))?;
        let kind = header[156];
        if matches!(kind, b'L' | b'K' | b'x' | b'g') {
            extension(&mut source, kind, own, &mut said)?;
            continue;
        }
        let Said { path, link, size } = std::mem::take(&mut said);
        // Links, folders and devices have no content, whatever size they name.
        let size = if matches!(kind, b'1'..=b'6') { 0 } else { size.unwrap_or(own) };
        if kind == b'S' {
            holes(&mut source, &header)?;
        }
        let kind = match kind {
            b'0' | b'\0' | b'7' => Kind::File,
            b'1' => Kind::HardLink(relative(&link.unwrap_or_else(|| field(&header[157..257]))).unwrap_or_default()),
            b'5' => Kind::Folder,
            _ => Kind::Other,
        };
        let path = relative(&path.unwrap_or_else(|| name(&header)));
        let mut content = (&mut source).take(size);
        if let Some(path) = path.filter(|path| !path.is_empty()) {
            visit(&Entry { path, kind }, &mut content);
        }
        let rest = content.limit();
        skip(&mut source, rest + padding(size))?;
    }
    Err(ArchiveError::TooMany)
}

fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

/// Reads an extended header; what is not needed is passed over.
fn extension(source: &mut impl BufRead, kind: u8, size: u64, said: &mut Said) -> Result<(), ArchiveError> {
    let most = if kind == b'x' { LARGEST_EXTENSION } else { LONGEST_PATH };
    if size > most {
        return Err(shape("an extended header is too large"));
    }
    let mut bytes = Vec::new();
    source.take(size).read_to_end(&mut bytes)?;
    match kind {
        b'L' => said.path = Some(field(&bytes)),
        b'K' => said.link = Some(field(&bytes)),
        b'x' => records(&bytes, said)?,
        _ => {}
    }
    skip(source, (size - bytes.len() as u64) + padding(size))
}

/// The records of a pax header: `<length> <key>=<value>\n`.
fn records(mut bytes: &[u8], said: &mut Said) -> Result<(), ArchiveError> {
    let wrong = || shape("an extended header makes no sense");
    while !bytes.is_empty() {
        let space = bytes.iter().take(20).position(|byte| *byte == b' ').ok_or_else(wrong)?;
        let length: usize =
            std::str::from_utf8(&bytes[..space]).ok().and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
        let record = bytes.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(wrong)?;
        bytes = &bytes[length..];
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(wrong)?;
        let text = || String::from_utf8_lossy(&record[equals + 1..]).into_owned();
        match &record[..equals] {
            b"path" => said.path = Some(text()),
            b"linkpath" => said.link = Some(text()),
            b"size" => said.size = Some(text().parse().map_err(|_| wrong())?),
            _ => {}
        }
    }
    Ok(())
}

/// Passes over the map of holes of a sparse file of GNU tar, which may go on in further blocks.
fn holes(source: &mut impl BufRead, header: &[u8; BLOCK]) -> Result<(), ArchiveError> {
    let mut more = header[482] != 0;
    while more {
        let mut block = [0u8; BLOCK];
        if !fill(source, &mut block)? {
            return Err(shape("it ends in the middle of an entry"));
        }
        more = block[504] != 0;
    }
    Ok(())
}

/// The sum over the header, with spaces in place of the sum itself.
fn check(header: &[u8; BLOCK]) -> Result<(), ArchiveError> {
    let bytes = header.iter().enumerate();
    let sum: u64 = bytes.map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum();
    if number(&header[148..156]) == Some(sum) { Ok(()) } else { Err(shape("a header has another checksum")) }
}

/// A number in octal digits, or, where the first bit is set, in base 256.
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        let (high, low) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
        let small = first & 0x7f == 0 && high.iter().all(|byte| *byte == 0);
        return low.try_into().ok().filter(|_| small).map(u64::from_be_bytes);
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// A text that ends at its first zero.
fn field(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

/// The name of a header, with ustar's prefix. GNU tar has other things in the prefix's place.
fn name(header: &[u8; BLOCK]) -> String {
    let name = field(&header[..100]);
    let prefix = field(&header[345..500]);
    if &header[257..263] == b"ustar\0" && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

/// A path from the root, or `None` where it leaves the root.
fn relative(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (!parts.contains(&"..")).then(|| parts.join("/"))
}

/// Fills the block; false at the end of the source.
fn fill(source: &mut impl BufRead, block: &mut [u8; BLOCK]) -> Result<bool, ArchiveError> {
    let mut filled = 0;
    while filled < BLOCK {
        match source.read(&mut block[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(shape("it ends in the middle of an entry")),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

fn skip(source: &mut impl BufRead, mut count: u64) -> Result<(), ArchiveError> {
    while count > 0 {
        let bytes = source.fill_buf()?.len();
        if bytes == 0 {
            return Err(shape("it ends in the middle of an entry"));
        }
        let passed = count.min(bytes as u64);
        source.consume(passed as usize);
        count -= passed;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(bytes: &[u8]) -> Result<Vec<(Entry, usize)>, ArchiveError> {
        let mut found = Vec::new();
        walk(bytes, &mut |entry, content| {
            let mut start = [0u8; 3];
            found.push((entry.clone(), content.read(&mut start).unwrap()));
        })?;
        Ok(found)
    }

    #[test]
    fn entries_of_real_archives_are_met_with_their_content() {
        let mut archive = tar::Builder::new(Vec::new());
        let long = format!("{}/end", "long".repeat(60));
        for (path, content) in [("./etc/os-release", &b"ID=x\n"[..]), (&long, b"deep"), ("empty", b"")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content).unwrap();
        }
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Link);
        header.set_size(0);
        archive.append_link(&mut header, "other", "etc/os-release").unwrap();
        archive.append_pax_extensions([("size", b"4".as_slice()), ("path", b"pax/name")]).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(0);
        header.set_cksum();
        archive.append(&header, &b"pax!"[..]).unwrap();
        let found = walked(&archive.into_inner().unwrap()).unwrap();
        let told: Vec<String> = found
            .iter()
            .map(|(entry, read)| format!("{} {:?} {read}", entry.path.replace(&"long".repeat(60), "…"), entry.kind))
            .collect();
        assert_eq!(
            told,
            [
                "etc/os-release File 3",
                "…/end File 3",
                "empty File 0",
                "other HardLink(\"etc/os-release\") 0",
                "pax/name File 3"
            ]
        );
    }

    #[test]
    fn what_is_no_tar_is_refused_and_an_absent_end_is_one() {
        assert!(walked(b"").unwrap().is_empty());
        assert!(walked(&[7; 512]).is_err());
        assert!(walked(&[7; 100]).is_err());
        assert_eq!(relative("a/../../etc/passwd"), None);
        assert_eq!(relative("/./a//b/").as_deref(), Some("a/b"));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\x01\0"), Some(256));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }
}
