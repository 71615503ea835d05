//! A bundle that was half written when its writer was killed, taken apart again.
//!
//! Where nothing but the bundle may take room on the disk, what was written into it is given up at its source. When the
//! writer is killed, `<bundle>.part` is the only place that has it. Here it is given back, from the end to the beginning,
//! and the file shrinks as it is: killed again at any moment, nothing is lost, and no byte is there twice.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::frame::{self, CHUNK, Packer, Unpacker};
use super::header::BLOCK;
use super::inventory::Inventory;
use super::layout::{self, Member};
use super::spelling::Spelling;

/// Bytes that are given back at a time, about.
const PIECE: u64 = 4 << 20;

/// Takes bytes of an entry. Where it is stored, the offset is one in its content; otherwise in its file of
/// [frames](super::squeezed).
pub type Put<'a> = dyn FnMut(&Member, bool, u64, &[u8]) -> io::Result<()> + 'a;

/// Gives back all that `part` has of the bundle of this inventory and signature, and leaves it empty.
pub fn salvage(
    part: &File,
    spelling: Spelling,
    inventory: &[u8],
    signature: Option<&[u8]>,
    put: &mut Put<'_>,
) -> io::Result<()> {
    let wrong = |error: serde_json::Error| io::Error::new(io::ErrorKind::InvalidData, error);
    let listed: Inventory = serde_json::from_slice(inventory).map_err(wrong)?;
    let mut members = layout::front(inventory, signature);
    members.extend(layout::body(&listed));
    let length = part.metadata()?.len();
    let mut found = Vec::new();
    let mut at = frame::start(spelling).len() as u64;
    for member in &members {
        if at >= length {
            break;
        }
        let frames = match member.is_stored(spelling) {
            true => None,
            false => Some(frames(part, spelling, at, length, member)?),
        };
        let end = match &frames {
            None => at.saturating_add(frame::stored_length(spelling, member.length())),
            Some(frames) => at + frames.iter().sum::<u64>(),
        };
        let whole = frames.as_ref().is_none_or(|frames| frames.len() as u64 == chunks(member));
        found.push((member, at, frames));
        if !whole {
            break;
        }
        at = end;
    }
    for (member, start, frames) in found.into_iter().rev() {
        match frames {
            None => stored(part, spelling, member, start, put)?,
            Some(frames) => packed(part, spelling, member, start, &frames, put)?,
        }
        part.set_len(start)?;
    }
    part.set_len(0)
}

fn chunks(member: &Member) -> u64 {
    member.length().div_ceil(CHUNK as u64)
}

/// The lengths of the whole frames of an entry, as far as they are there.
fn frames(part: &File, spelling: Spelling, start: u64, length: u64, member: &Member) -> io::Result<Vec<u64>> {
    let mut at = start;
    let mut lengths = Vec::new();
    let mut head = vec![0; frame::head_length(spelling) as usize];
    while (lengths.len() as u64) < chunks(member) && at + head.len() as u64 <= length {
        part.read_exact_at(&mut head, at)?;
        match frame::frame_length(spelling, &head) {
            Some(found) if at + found <= length => {
                lengths.push(found);
                at += found;
            }
            _ => break,
        }
    }
    Ok(lengths)
}

fn stored(part: &File, spelling: Spelling, member: &Member, start: u64, put: &mut Put<'_>) -> io::Result<()> {
    let place = |run: u64| start + frame::stored_place(spelling, run);
    let length = part.metadata()?.len();
    // As much of the run as is there: the place of its last byte is before the end of the file.
    let mut have = (member.size + BLOCK).min(length.saturating_sub(start));
    while have > 0 && place(have - 1) >= length {
        have -= (place(have - 1) - length + 1).min(have);
    }
    while have > BLOCK {
        let from = have.saturating_sub(PIECE).max(BLOCK);
        let (first, last) = (place(from), place(have - 1));
        let mut framed = vec![0; (last - first + 1) as usize];
        part.read_exact_at(&mut framed, first)?;
        let mut bytes = Vec::with_capacity(framed.len());
        let mut run = from;
        while run < have {
            let count = frame::stored_rest(spelling, run).min(have - run);
            let at = (place(run) - first) as usize;
            bytes.extend_from_slice(framed.get(at..at + count as usize).unwrap_or_default());
            run += count;
        }
        put(member, true, from - BLOCK, &bytes)?;
        part.set_len(first)?;
        have = from;
    }
    Ok(())
}

fn packed(
    part: &File,
    spelling: Spelling,
    member: &Member,
    start: u64,
    frames: &[u64],
    put: &mut Put<'_>,
) -> io::Result<()> {
    let read = |at: u64, length: u64| -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        part.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    };
    let Some(first_length) = frames.first().copied() else { return Ok(()) };
    // The first chunk once more without the header.
    let first = read(start, first_length)?;
    let mut chunk = vec![0; member.length().min(CHUNK as u64) as usize];
    let body = first.get(frame::head_length(spelling) as usize..).unwrap_or_default();
    if !Unpacker::new(spelling)?.unpack(body, &mut chunk) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a compressed frame is not what it was"));
    }
    let content = chunk.get(BLOCK as usize..).unwrap_or_default();
    let first = if content.is_empty() { Vec::new() } else { Packer::new(spelling)?.pack(content)? };
    let mut at = start + frames.iter().sum::<u64>();
    let mut offset = first.len() as u64 + frames.iter().skip(1).sum::<u64>();
    for length in frames.iter().skip(1).rev() {
        at -= length;
        offset -= length;
        let bytes = read(at, *length)?;
        put(member, false, offset, &bytes)?;
        part.set_len(at)?;
    }
    put(member, false, 0, &first)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::sample::sample;
    use super::super::squeezed::Squeezer;
    use super::*;
    use crate::event::silent;

    fn bytes(length: usize) -> Vec<u8> {
        (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    #[test]
    fn however_much_was_written_is_given_back() {
        for spelling in Spelling::ALL {
            let mut sample = sample();
            sample.file("big.tgz", bytes(9_500_123));
            sample.file("big", bytes(3_500_321));
            sample.inventory.sort();
            let json = sample.inventory.to_json().unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("bundle.tar");
            super::super::write(&path, spelling, &sample.inventory, &|member| sample.open(member), &silent()).unwrap();
            let whole = std::fs::read(&path).unwrap();
            let mut cuts: Vec<usize> = (0..whole.len()).step_by(whole.len() / 23).collect();
            cuts.extend([1, whole.len() - 1, whole.len()]);
            for cut in cuts {
                std::fs::write(&path, &whole[..cut]).unwrap();
                let part = File::options().read(true).write(true).open(&path).unwrap();
                let mut given: BTreeMap<String, Vec<u8>> = BTreeMap::new();
                let mut total = 0;
                salvage(&part, spelling, &json, None, &mut |member, stored, offset, bytes| {
                    total += bytes.len();
                    let (at, end) = (offset as usize, offset as usize + bytes.len());
                    let whole = given.entry(format!("{} {stored}", member.path)).or_default();
                    whole.resize(whole.len().max(end), 0);
                    whole[at..end].copy_from_slice(bytes);
                    Ok(())
                })
                .unwrap();
                assert_eq!(part.metadata().unwrap().len(), 0);
                if cut == whole.len() {
                    assert!(given.contains_key(&format!("big {}", spelling == Spelling::Tar)), "{given:?}");
                }
                for (name, found) in &given {
                    let (path, stored) = name.split_once(' ').unwrap();
                    let Some(entry) = sample.inventory.entries().find(|entry| entry.path == path) else { continue };
                    let mut expected = sample.content[&entry.sha256].clone();
                    if stored == "false" {
                        let content = std::mem::take(&mut expected);
                        let mut squeezer = Squeezer::new(spelling).unwrap();
                        squeezer
                            .push(&content, |frame| {
                                expected.extend_from_slice(frame);
                                Ok(())
                            })
                            .unwrap();
                        expected.extend(squeezer.finish().unwrap());
                    }
                    // Whole entries, and of the one that was cut what is there.
                    let least = if cut == whole.len() { expected.len() } else { 0 };
                    assert!(found.len() >= least && expected.starts_with(found), "{spelling} {cut} {name}");
                }
                // Little is lost: a frame, and the framing.
                assert!(cut < 20_000 || total + (2 << 20) + 20_000 > cut, "{spelling}: {total} of {cut}");
            }
        }
    }
}
