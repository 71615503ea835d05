//! Finds bundles: files, the parts of one, and folders with either.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::cut::{self, file_name};
use super::damage::Incomplete;
use super::header::{HeaderError, PartHeader, Set};
use crate::bundle::medium::DamagedPart;
use crate::bundle::spelling::Spelling;

/// No folder of a medium has more entries than are looked at.
const MAX_ENTRIES: usize = 100_000;

/// Where one bundle lies.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// In one file.
    File(PathBuf),
    Parts(PartSet),
}

/// The parts of one bundle, as far as they were found.
#[derive(Clone, Debug, PartialEq)]
pub struct PartSet {
    pub set: Set,
    /// Files by the number of the part, each number with all its copies.
    pub parts: BTreeMap<u32, Vec<(PathBuf, PartHeader)>>,
    /// What should have been a part of this set and is of no use.
    pub damaged: Vec<DamagedPart>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Bundles, in the order in which they were named.
    pub sources: Vec<Source>,
    /// Parts of other bundles that lie beside them and were passed over.
    pub strays: Vec<PathBuf>,
}

/// Why no bundle can be found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("{} cannot be read: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} cannot be used: {source}", path.display())]
    Header { path: PathBuf, source: HeaderError },
    #[error("there is no bundle and no part of one in {}", folder.display())]
    Nothing { folder: PathBuf },
    #[error("several bundles lie in {}: {}. Name a file of the one that you mean", folder.display(), names.join(", "))]
    Several { folder: PathBuf, names: Vec<String> },
    #[error("{} has more than {MAX_ENTRIES} entries; name the parts themselves", folder.display())]
    TooMany { folder: PathBuf },
}

/// A file that may be a part.
struct Candidate {
    path: PathBuf,
    /// Bytes of the file.
    size: u64,
    header: Result<PartHeader, HeaderError>,
}

/// What one of the named paths turned out to be.
enum Named {
    Bundle(PathBuf),
    /// Parts in one folder, of which one file was named or none.
    Parts {
        folder: PathBuf,
        wanted: Option<Set>,
        candidates: Vec<Candidate>,
    },
}

/// Looks at files and folders, in any order: a file that holds a whole bundle; any part of one, whose siblings in the
/// same folder are then found; a folder with parts. Nothing is changed, so media may be read-only.
pub fn find(paths: &[PathBuf]) -> Result<Found, FindError> {
    let named = paths.iter().map(|path| look(path)).collect::<Result<Vec<_>, _>>()?;
    let mut wanted: Vec<Set> = Vec::new();
    let mut want = |set: &Set| {
        if !wanted.contains(set) {
            wanted.push(set.clone());
        }
    };
    for one in &named {
        if let Named::Parts { wanted: Some(set), .. } = one {
            want(set);
        }
    }
    // A folder with parts of one bundle asks for this one; then it decides for folders with several.
    for one in &named {
        if let Named::Parts { wanted: None, candidates, .. } = one
            && let [only] = sets(candidates).as_slice()
        {
            want(only);
        }
    }
    for one in &named {
        if let Named::Parts { folder, wanted: None, candidates } = one {
            let there = sets(candidates);
            if there.is_empty() {
                return Err(no_parts(folder, candidates));
            }
            if !there.iter().any(|set| wanted.contains(set)) {
                let names = there.into_iter().map(|set| set.name).collect();
                return Err(FindError::Several { folder: folder.clone(), names });
            }
        }
    }
    Ok(collect(named, wanted))
}

fn collect(named: Vec<Named>, wanted: Vec<Set>) -> Found {
    let mut found = Found::default();
    let new = |set: Set| PartSet { set, parts: BTreeMap::new(), damaged: Vec::new() };
    let mut part_sets: Vec<PartSet> = wanted.into_iter().map(new).collect();
    let mut order: Vec<Result<PathBuf, Set>> = Vec::new();
    for one in named {
        match one {
            Named::Bundle(path) => order.push(Ok(path)),
            Named::Parts { wanted, candidates, .. } => {
                order.extend(wanted.into_iter().chain(sets(&candidates)).map(Err));
                for candidate in candidates {
                    place(candidate, &mut part_sets, &mut found.strays);
                }
            }
        }
    }
    for one in order {
        match one {
            Ok(path) if !found.sources.contains(&Source::File(path.clone())) => found.sources.push(Source::File(path)),
            Ok(_) => {}
            Err(set) => {
                if let Some(at) = part_sets.iter().position(|one| one.set == set) {
                    found.sources.push(Source::Parts(part_sets.remove(at)));
                }
            }
        }
    }
    found.strays.sort();
    found.strays.dedup();
    found
}

/// Puts a file where it belongs.
fn place(candidate: Candidate, sets: &mut [PartSet], strays: &mut Vec<PathBuf>) {
    let Candidate { path, size, header } = candidate;
    match header {
        Ok(header) => {
            let Some(one) = sets.iter_mut().find(|one| one.set == header.set) else { return strays.push(path) };
            if size == header.file_size() {
                let copies = one.parts.entry(header.index).or_default();
                if copies.iter().all(|(known, _)| *known != path) {
                    copies.push((path, header));
                }
            } else {
                let how = format!("the file has {size} bytes and should have {}", header.file_size());
                one.spoiled(header.index, path, how);
            }
        }
        Err(error) => {
            // Only its name says which part it should have been.
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            for one in sets {
                let numbers = 1..=one.set.cut.count();
                let number =
                    numbers.into_iter().find(|index| file_name(&one.set.name, *index).eq_ignore_ascii_case(&name));
                if let Some(index) = number {
                    one.spoiled(index, path.clone(), error.to_string());
                }
            }
        }
    }
}

impl PartSet {
    fn spoiled(&mut self, index: u32, path: PathBuf, how: String) {
        let part = DamagedPart { index, count: self.set.cut.count(), path, how };
        if !self.damaged.contains(&part) {
            self.damaged.push(part);
        }
    }

    /// Whether all parts are there, as far as their headers say.
    pub fn check(&self) -> Result<(), Incomplete> {
        let count = self.set.cut.count();
        let lost: Vec<u32> = (1..=count).filter(|index| !self.parts.contains_key(index)).collect();
        if lost.is_empty() {
            return Ok(());
        }
        let damaged: Vec<DamagedPart> =
            self.damaged.iter().filter(|part| lost.contains(&part.index)).cloned().collect();
        let missing = lost.into_iter().filter(|index| damaged.iter().all(|part| part.index != *index)).collect();
        Err(Incomplete { name: self.set.name.clone(), count, missing, damaged, size: self.set.cut.size() })
    }
}

/// The sets of which a folder has parts, each once, by name.
fn sets(candidates: &[Candidate]) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    for header in candidates.iter().filter_map(|one| one.header.as_ref().ok()) {
        if !sets.contains(&header.set) {
            sets.push(header.set.clone());
        }
    }
    sets.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
    sets
}

fn no_parts(folder: &Path, candidates: &[Candidate]) -> FindError {
    let damaged = candidates.iter().find_map(|one| one.header.clone().err().map(|source| (one.path.clone(), source)));
    match damaged {
        Some((path, source)) => FindError::Header { path, source },
        None => FindError::Nothing { folder: folder.to_owned() },
    }
}

fn look(path: &Path) -> Result<Named, FindError> {
    let io = |source| FindError::Io { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        let (candidates, bundles) = scan(path)?;
        if candidates.is_empty() && !bundles.is_empty() {
            return match <[PathBuf; 1]>::try_from(bundles) {
                Ok([bundle]) => Ok(Named::Bundle(bundle)),
                Err(several) => {
                    let names = several.iter().map(|path| name_of(path)).collect();
                    Err(FindError::Several { folder: path.to_owned(), names })
                }
            };
        }
        return Ok(Named::Parts { folder: path.to_owned(), wanted: None, candidates });
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match read_header(path).map_err(io)? {
        Err(HeaderError::NotAPart) => Ok(Named::Bundle(path.to_owned())),
        Err(source @ HeaderError::Format { .. }) => Err(FindError::Header { path: path.to_owned(), source }),
        header => {
            let wanted = header.as_ref().ok().map(|header| header.set.clone());
            let (mut candidates, _) = scan(folder)?;
            if candidates.iter().all(|one| one.path.file_name() != path.file_name()) {
                candidates.push(Candidate { path: path.to_owned(), size: metadata.len(), header });
            }
            Ok(Named::Parts { folder: folder.to_owned(), wanted, candidates })
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// All parts in a folder, whatever they are called, and the files that are named as bundles are. Folders in it are not
/// looked into, and what is no regular file is not opened.
fn scan(folder: &Path) -> Result<(Vec<Candidate>, Vec<PathBuf>), FindError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| FindError::Io { path, source }
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        paths.push(entry.map_err(io(folder))?.path());
        if paths.len() > MAX_ENTRIES {
            return Err(FindError::TooMany { folder: folder.to_owned() });
        }
    }
    paths.sort();
    let (mut candidates, mut bundles) = (Vec::new(), Vec::new());
    for path in paths {
        // Another file of the medium that cannot be read is no reason to give up.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if !metadata.is_file() {
            continue;
        }
        match read_header(&path).unwrap_or(Err(HeaderError::Damaged)) {
            Err(HeaderError::NotAPart) if Spelling::of_name(&path).is_ok() => bundles.push(path),
            Err(_) if !looks_like_a_part(&path) => {}
            header => candidates.push(Candidate { path, size: metadata.len(), header }),
        }
    }
    Ok((candidates, bundles))
}

/// `site.tar.gz.003`: a bundle's name and three digits.
fn looks_like_a_part(path: &Path) -> bool {
    let numbered =
        path.extension().is_some_and(|end| end.len() == 3 && end.as_encoded_bytes().iter().all(u8::is_ascii_digit));
    numbered && path.file_stem().is_some_and(|stem| Spelling::of_name(Path::new(stem)).is_ok())
}

/// Reads and checks the header of a file.
pub fn read_header(path: &Path) -> io::Result<Result<PartHeader, HeaderError>> {
    let mut start = Vec::with_capacity(cut::LENGTH);
    File::open(path)?.take(cut::LENGTH as u64).read_to_end(&mut start)?;
    Ok(PartHeader::parse(&start))
}
