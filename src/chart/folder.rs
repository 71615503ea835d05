//! A chart's folder as an archive: the same bytes for the same files, on every machine.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

use super::archive::{self, ChartError, LARGEST};
use super::ignore::Rules;

/// 1980-01-01T00:00:00Z: what bundles have as the time of their entries.
const TIME: u64 = 315_532_800;
/// Folders in folders at most.
const DEEPEST: usize = 32;

/// Why a folder cannot become an archive.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{} cannot be read", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is neither a file nor a folder; a chart holds nothing else", .path.display())]
    Kind { path: PathBuf },
    #[error("{} lies too deep", .path.display())]
    Deep { path: PathBuf },
    #[error("the chart is larger than {} MiB", LARGEST >> 20)]
    Large,
    #[error(transparent)]
    Chart(#[from] ChartError),
}

/// Packs a chart's folder as `helm package` does, but with fixed times, owners and order, and without compression:
/// compressors differ between versions and machines, and a lock names the digest of these bytes.
pub fn pack(folder: &Path) -> Result<Vec<u8>, FolderError> {
    let text = read(&folder.join("Chart.yaml"), LARGEST)?;
    let metadata = archive::metadata(&String::from_utf8_lossy(&text))?;
    let ignore = folder.join(".helmignore");
    let rules = if ignore.exists() {
        Rules::parse(&String::from_utf8_lossy(&read(&ignore, LARGEST)?))
    } else {
        Rules::default()
    };
    let mut files = Vec::new();
    collect(folder, "", &rules, 0, &mut files)?;
    // Chart.yaml first, as Helm writes it; all else by name.
    files.sort_by_key(|path| (path != "Chart.yaml", path.clone()));

    let gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::none());
    let mut builder = tar::Builder::new(gzip);
    let mut left = LARGEST;
    let writing = |source| FolderError::Read { path: folder.to_owned(), source };
    for file in files {
        let content = read(&folder.join(&file), left)?;
        left = left.saturating_sub(content.len() as u64);
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(TIME);
        builder.append_data(&mut header, format!("{}/{file}", metadata.name), content.as_slice()).map_err(writing)?;
    }
    builder.into_inner().and_then(|gzip| gzip.finish()).map_err(writing)
}

/// The files below a folder that are not ignored, by their paths from the chart's folder.
fn collect(
    folder: &Path,
    prefix: &str,
    rules: &Rules,
    depth: usize,
    files: &mut Vec<String>,
) -> Result<(), FolderError> {
    if depth > DEEPEST {
        return Err(FolderError::Deep { path: folder.to_owned() });
    }
    let unreadable = |source| FolderError::Read { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|_| FolderError::Kind { path: path.clone() })?;
        let inside = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        // Follows links, as Helm does: what they lead to is carried in their place.
        let kind = fs::metadata(&path).map_err(|source| FolderError::Read { path: path.clone(), source })?;
        if rules.ignores(&inside, kind.is_dir()) && inside != "Chart.yaml" {
            continue;
        }
        if kind.is_dir() {
            collect(&path, &inside, rules, depth + 1, files)?;
        } else if kind.is_file() {
            files.push(inside);
        } else {
            return Err(FolderError::Kind { path });
        }
    }
    Ok(())
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FolderError> {
    let unreadable = |source| FolderError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit { Err(FolderError::Large) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Archive;
    use crate::digest::Digest;

    fn write(folder: &Path, path: &str, text: &str) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn sample(order: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in order {
            let text =
                if *path == "Chart.yaml" { "name: web\nversion: 1.2.3\n".to_owned() } else { format!("# {path}\n") };
            write(folder.path(), path, &text);
        }
        write(folder.path(), ".helmignore", "*.bak\ntests/\n");
        folder
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let one = sample(&["Chart.yaml", "values.yaml", "templates/a.yaml", "x.bak", "templates/tests/t.yaml"]);
        let two = sample(&["templates/a.yaml", "values.yaml", "Chart.yaml"]);
        let (one, two) = (pack(one.path()).unwrap(), pack(two.path()).unwrap());
        assert_eq!(one, two);
        insta::assert_snapshot!(Digest::of(&one), @"sha256:8c05ded573597219a75714252a163f412d7767c129c3ce4035eeee58fc1a1664");
        let archive = Archive::read(one.as_slice()).unwrap();
        assert_eq!((archive.metadata.name.as_str(), archive.values.as_str()), ("web", "# values.yaml\n"));
        let mut listing = Vec::new();
        for entry in tar::Archive::new(flate2::read::GzDecoder::new(one.as_slice())).entries().unwrap() {
            listing.push(entry.unwrap().path().unwrap().display().to_string());
        }
        assert_eq!(listing, ["web/Chart.yaml", "web/.helmignore", "web/templates/a.yaml", "web/values.yaml"]);
    }

    #[test]
    fn what_is_no_chart_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(pack(folder.path()), Err(FolderError::Read { .. })));
        write(folder.path(), "Chart.yaml", "version: 1\n");
        assert!(matches!(pack(folder.path()), Err(FolderError::Chart(_))));
        write(folder.path(), "Chart.yaml", "name: x\nversion: 1.0.0\n");
        std::os::unix::fs::symlink(".", folder.path().join("round")).unwrap();
        assert!(matches!(pack(folder.path()), Err(FolderError::Deep { .. } | FolderError::Read { .. })));
    }
}
