//! Chart archives, as `helm package` makes them: a gzipped tar with one folder, in which `Chart.yaml` lies.
//!
//! An archive is hostile: how much it unpacks to, how many entries it has and how long its files are is bounded here,
//! and nothing of it is written to the disk.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

/// The largest archive that is read, in bytes; Helm's own limit for what it downloads is 20 MiB.
pub const LARGEST: u64 = 64 << 20;
/// What an archive may unpack to, in bytes; Helm's own default is 100 MiB (`MaxDecompressedChartSize`).
const MOST_UNPACKED: u64 = 128 << 20;
/// Files and folders of one archive at most.
const MOST_ENTRIES: usize = 20_000;
/// `Chart.yaml` and `values.yaml` are at most this long, in bytes; Helm reads no file above 5 MiB.
const LONGEST_FILE: u64 = 5 << 20;

/// Why an archive is not a chart.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    #[error("it is not a gzipped tar")]
    Form(#[source] io::Error),
    #[error("it unpacks to more than {} MiB", MOST_UNPACKED >> 20)]
    TooLarge,
    #[error("it has more than {MOST_ENTRIES} entries")]
    TooMany,
    #[error("its entry {path:?} leads out of the chart")]
    Path { path: String },
    #[error("its {file} is longer than {} MiB", LONGEST_FILE >> 20)]
    LongFile { file: String },
    #[error("it has no {file}")]
    NoFile { file: &'static str },
    #[error("its {file} cannot be read: {reason}")]
    Faulty { file: &'static str, reason: String },
    #[error("it is {name} {version}")]
    Another { name: String, version: String },
    #[error("it depends on {}, which its folder charts/ does not hold", .names.join(", "))]
    Dependencies { names: Vec<String> },
}

/// What `Chart.yaml` says, as far as it matters here (Helm's documentation, "The Chart.yaml File").
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub name: String,
    pub version: String,
    #[serde(default)]
    pub app_version: Option<String>,
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
}

/// Another chart that a chart needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Dependency {
    pub name: String,
}

/// What was read of an archive.
#[derive(Clone, Debug)]
pub struct Archive {
    pub metadata: Metadata,
    /// `values.yaml`; empty where there is none.
    pub values: String,
    /// `values.yaml` of the charts that it holds, by the path of their folder: `charts/redis`.
    pub values_below: BTreeMap<String, String>,
}

impl Archive {
    /// Reads an archive, and checks that the charts it depends on are in it.
    pub fn read(bytes: impl Read) -> Result<Self, ChartError> {
        let mut files = Files::read(bytes)?;
        let text = files.own.remove("Chart.yaml").ok_or(ChartError::NoFile { file: "Chart.yaml" })?;
        let metadata = metadata(&text)?;
        let missing: Vec<String> = metadata
            .dependencies
            .iter()
            .filter(|dependency| !files.held.iter().any(|held| is_of(held, &dependency.name)))
            .map(|dependency| dependency.name.clone())
            .collect();
        if !missing.is_empty() {
            return Err(ChartError::Dependencies { names: missing });
        }
        let values = files.own.remove("values.yaml").unwrap_or_default();
        let below = files.own.into_iter().filter_map(|(path, text)| {
            Some((path.strip_suffix("/values.yaml").filter(|folder| folder.starts_with("charts/"))?.to_owned(), text))
        });
        Ok(Self { metadata, values, values_below: below.collect() })
    }

    /// Whether it is this very chart. Versions are the same with and without a `v`, as Helm has it.
    pub fn is(&self, name: &str, version: &str) -> Result<(), ChartError> {
        let Metadata { name: own, version: at, .. } = &self.metadata;
        if own == name && same_version(at, version) {
            return Ok(());
        }
        Err(ChartError::Another { name: own.clone(), version: at.clone() })
    }
}

/// Whether two texts mean the same version of a chart.
pub fn same_version(one: &str, other: &str) -> bool {
    one.strip_prefix('v').unwrap_or(one) == other.strip_prefix('v').unwrap_or(other)
}

/// Reads the text of a `Chart.yaml`.
pub fn metadata(text: &str) -> Result<Metadata, ChartError> {
    serde_saphyr::from_str(text)
        .map_err(|error| ChartError::Faulty { file: "Chart.yaml", reason: first_line(&error.to_string()) })
}

/// Errors of the YAML reader show the text around the mistake, over several lines.
pub(super) fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().chars().take(200).collect()
}

/// Whether what lies in `charts/` under this name is that chart: its folder, or its archive.
fn is_of(held: &str, name: &str) -> bool {
    held == name || held.strip_prefix(name).is_some_and(|rest| rest.starts_with('-') && rest.ends_with(".tgz"))
}

/// The files of an archive that are looked at, by their path in the chart.
#[derive(Default)]
struct Files {
    own: BTreeMap<String, String>,
    /// What lies in `charts/`.
    held: Vec<String>,
}

impl Files {
    fn read(bytes: impl Read) -> Result<Self, ChartError> {
        let unpacked = Bounded { inner: MultiGzDecoder::new(bytes.take(LARGEST)), left: MOST_UNPACKED };
        let mut archive = tar::Archive::new(unpacked);
        let mut files = Self::default();
        for (count, entry) in archive.entries().map_err(unreadable)?.enumerate() {
            if count >= MOST_ENTRIES {
                return Err(ChartError::TooMany);
            }
            let mut entry = entry.map_err(unreadable)?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let inside = path.trim_start_matches("./");
            if path.starts_with('/') || path.contains('\\') || inside.split('/').any(|part| part == "..") {
                return Err(ChartError::Path { path: path.chars().take(200).collect() });
            }
            // The first part is the chart's own folder.
            let Some((_, file)) = inside.split_once('/').filter(|(_, file)| !file.is_empty()) else { continue };
            if let Some(held) = file.strip_prefix("charts/").and_then(|rest| rest.split('/').next())
                && !held.is_empty()
                && files.held.last().is_none_or(|last| last != held)
            {
                files.held.push(held.to_owned());
            }
            let wanted = file == "Chart.yaml" || file == "values.yaml" || file.ends_with("/values.yaml");
            if !wanted || !entry.header().entry_type().is_file() {
                continue;
            }
            if entry.size() > LONGEST_FILE {
                return Err(ChartError::LongFile { file: file.chars().take(200).collect() });
            }
            let mut text = Vec::new();
            entry.by_ref().take(LONGEST_FILE).read_to_end(&mut text).map_err(unreadable)?;
            let text = String::from_utf8_lossy(&text).into_owned();
            files.own.insert(file.to_owned(), text);
        }
        Ok(files)
    }
}

/// Gives up where more comes out of an archive than may.
struct Bounded<R> {
    inner: R,
    left: u64,
}

/// The mark of a [`Bounded`] that gave up.
#[derive(Debug, thiserror::Error)]
#[error("too large")]
struct TooLarge;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other(TooLarge))?;
        Ok(count)
    }
}

fn unreadable(error: io::Error) -> ChartError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.get_ref().map(|inner| inner as _);
    while let Some(inner) = cause {
        if inner.is::<TooLarge>() {
            return ChartError::TooLarge;
        }
        // An error of I/O shows its own inner error by its own means.
        cause = match inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as _),
            None => inner.source(),
        };
    }
    ChartError::Form(error)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\nappVersion: \"9\"\n";

    /// An archive with these files, headers as given.
    fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            // By hand: the library refuses to write what is to be refused here.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn refused(files: &[(&str, &[u8])]) -> String {
        Archive::read(tgz(files).as_slice()).unwrap_err().to_string()
    }

    #[test]
    fn a_chart_says_what_it_is() {
        let bytes = tgz(&[
            ("web/Chart.yaml", CHART.as_bytes()),
            ("web/values.yaml", b"image: x"),
            ("web/charts/redis/values.yaml", b"image: y"),
        ]);
        let archive = Archive::read(bytes.as_slice()).unwrap();
        assert_eq!(archive.metadata.app_version.as_deref(), Some("9"));
        assert_eq!(archive.values, "image: x");
        assert_eq!(archive.values_below["charts/redis"], "image: y");
        archive.is("web", "1.2.3").unwrap();
        archive.is("web", "v1.2.3").unwrap();
        assert_eq!(archive.is("web", "1.2.4").unwrap_err().to_string(), "it is web 1.2.3");
    }

    #[test]
    fn what_a_chart_depends_on_is_in_it() {
        let needs = format!("{CHART}dependencies: [{{name: redis, version: 1.x}}, {{name: db, version: 2}}]\n");
        let held = [
            ("web/Chart.yaml", needs.as_bytes()),
            ("web/charts/redis-1.0.0.tgz", b""),
            ("web/charts/db/Chart.yaml", CHART.as_bytes()),
        ];
        Archive::read(tgz(&held).as_slice()).unwrap();
        assert_eq!(refused(&held[..1]), "it depends on redis, db, which its folder charts/ does not hold");
    }

    #[test]
    fn hostile_archives_are_refused() {
        let chart = ("web/Chart.yaml", CHART.as_bytes());
        assert_eq!(refused(&[("web/x", b"")]), "it has no Chart.yaml");
        assert_eq!(refused(&[chart, ("web/../../x", b"")]), "its entry \"web/../../x\" leads out of the chart");
        assert_eq!(refused(&[chart, ("/etc/x", b"")]), "its entry \"/etc/x\" leads out of the chart");
        let long = vec![b'#'; (LONGEST_FILE + 1) as usize];
        assert_eq!(refused(&[("web/Chart.yaml", &long)]), "its Chart.yaml is longer than 5 MiB");
        assert!(refused(&[("web/Chart.yaml", b"- x")]).starts_with("its Chart.yaml cannot be read: "));
        let many: Vec<(&str, &[u8])> = vec![("web/x", b""); MOST_ENTRIES + 1];
        assert_eq!(refused(&many), "it has more than 20000 entries");
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        let mut header = tar::Header::new_gnu();
        header.set_path("web/templates/x").unwrap();
        header.set_size(MOST_UNPACKED * 2);
        header.set_cksum();
        bomb.write_all(header.as_bytes()).unwrap();
        let zeros = vec![0; 1 << 20];
        for _ in 0..=MOST_UNPACKED >> 20 {
            bomb.write_all(&zeros).unwrap();
        }
        let bomb = bomb.finish().unwrap();
        assert_eq!(Archive::read(bomb.as_slice()).unwrap_err().to_string(), "it unpacks to more than 128 MiB");
        assert!(matches!(Archive::read(&b"not a chart"[..]), Err(ChartError::Form(_))));
        let whole = tgz(&[chart]);
        assert!(matches!(Archive::read(&whole[..whole.len() / 2]), Err(ChartError::Form(_))));
    }
}
