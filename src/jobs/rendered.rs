//! The images that a cluster's addons and a bundle's charts ask for: charts are rendered by the bundle's own helm,
//! manifests are read as they are.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{JobError, Kind};
use crate::bundle::Inventory;
use crate::chart::archive::{LARGEST, same_version};
use crate::chart::{Archive, Helm, Named, Release, folder, images, values};
use crate::cluster::{Addon, Cluster};
use crate::event::{Event, Events};
use crate::host::local::own_arch;
use crate::plan::suffice::Needs;

/// Opens an entry of the bundle by its path.
pub(super) type Open<'a> = dyn Fn(&str) -> io::Result<Box<dyn Read + Send>> + Send + Sync + 'a;

/// Adds to the needs what charts and manifests name.
pub(super) async fn add(
    needs: &mut Needs,
    cluster: &Cluster,
    inventory: &Inventory,
    open: &Open<'_>,
    events: &Events,
) -> Result<(), JobError> {
    let folder = cluster.path.parent().unwrap_or(Path::new("")).to_owned();
    let mut renderer = Renderer { cluster, inventory, open, events, folder, helm: None };
    let mut named = BTreeSet::new();
    for addon in &cluster.spec.addons {
        renderer.chart_of(addon, needs, &mut named).await?;
        renderer.manifests_of(addon, needs)?;
    }
    for chart in &inventory.charts {
        if !named.contains(&chart.entry.path) {
            renderer.carried(chart, needs).await?;
        }
    }
    Ok(())
}

struct Renderer<'a> {
    cluster: &'a Cluster,
    inventory: &'a Inventory,
    open: &'a Open<'a>,
    events: &'a Events,
    /// Paths in the cluster file are relative to this.
    folder: PathBuf,
    /// `None` before it was asked for; then what came of it.
    helm: Option<Option<Helm>>,
}

impl Renderer<'_> {
    async fn chart_of(
        &mut self,
        addon: &Addon,
        needs: &mut Needs,
        named: &mut BTreeSet<String>,
    ) -> Result<(), JobError> {
        let Some(chart) = &addon.sources.chart else { return Ok(()) };
        let bytes = if chart.path.is_empty() {
            let fits = |version: &str| chart.version.is_empty() || same_version(&chart.version, version);
            let carried = self.inventory.charts.iter().rev().find(|one| one.name == chart.name && fits(&one.version));
            // That it is missing is said elsewhere.
            let Some(carried) = carried else { return Ok(()) };
            named.insert(carried.entry.path.clone());
            self.entry(&carried.entry.path)?
        } else {
            self.on_disk(&self.folder.join(&chart.path))?
        };
        let because = format!("addon {}", addon.name);
        let namespace = if addon.namespace.is_empty() { "default" } else { &addon.namespace };
        let values = self.values(addon)?;
        match self.render(&bytes, &addon.name, namespace, values).await? {
            Rendered::Images(images) => needs.add(&because, &images),
            Rendered::Not(reason) => {
                needs.fault(format!("chart {} cannot be rendered: {reason}", chart.name), &because);
                needs.add(&because, &self.guess(&bytes, &chart.name)?);
            }
            Rendered::NoHelm => needs.add(&because, &self.guess(&bytes, &chart.name)?),
        }
        Ok(())
    }

    /// A chart that no addon names: with its default values.
    async fn carried(&mut self, chart: &crate::bundle::inventory::Chart, needs: &mut Needs) -> Result<(), JobError> {
        let bytes = self.entry(&chart.entry.path)?;
        let because = format!("chart {} {}", chart.name, chart.version);
        match self.render(&bytes, &chart.name, "default", Values::default()).await? {
            Rendered::Images(images) => needs.add(&because, &images),
            Rendered::Not(reason) => {
                let message = format!("{because} cannot be rendered with its default values ({reason}).");
                self.events.emit(Event::Warning { message });
                needs.add(&because, &self.guess(&bytes, &chart.name)?);
            }
            Rendered::NoHelm => needs.add(&because, &self.guess(&bytes, &chart.name)?),
        }
        Ok(())
    }

    async fn render(
        &mut self,
        chart: &[u8],
        name: &str,
        namespace: &str,
        values: Values,
    ) -> Result<Rendered, JobError> {
        if self.helm.is_none() {
            self.helm = Some(self.unpack_helm()?);
        }
        let Some(Some(helm)) = &self.helm else { return Ok(Rendered::NoHelm) };
        let failed = |error| JobError::internal("a chart cannot be rendered on this machine", error);
        let path = helm.keep("chart.tgz", chart).map_err(failed)?;
        let mut release =
            Release { name, namespace, kubernetes: &self.cluster.spec.kubernetes.version, ..Release::default() };
        for (index, text) in values.files.iter().enumerate() {
            release.values.push(helm.keep(&format!("values-{index}.yaml"), text.as_bytes()).map_err(failed)?);
        }
        release.set = values.set;
        match helm.template(&path, &release).await {
            Ok(text) => {
                let (images, faults) = images::in_yaml(&text);
                for fault in faults {
                    let message = format!("What chart {name} renders to cannot be read in full: {fault}.");
                    self.events.emit(Event::Warning { message });
                }
                Ok(Rendered::Images(images))
            }
            Err(error) => Ok(Rendered::Not(error.to_string())),
        }
    }

    /// The bundle's helm for this machine.
    fn unpack_helm(&self) -> Result<Option<Helm>, JobError> {
        let arch = own_arch();
        let Some(component) = self.inventory.component("helm", arch) else {
            let message = format!(
                "The bundle has no helm for {arch}, so charts are not rendered: their default values are searched \
                 for images, which is a guess."
            );
            self.events.emit(Event::Warning { message });
            return Ok(None);
        };
        let path = &component.entry.path;
        let bytes = (self.open)(path).map_err(|error| unreadable(path, error))?;
        Helm::unpack(bytes)
            .map(Some)
            .map_err(|error| JobError::new(Kind::Bundle, format!("{path} of the bundle cannot be used")).because(error))
    }

    fn guess(&self, chart: &[u8], name: &str) -> Result<BTreeSet<Named>, JobError> {
        let wrong = |error| JobError::new(Kind::Bundle, format!("{name} is not a chart")).because(error);
        Ok(values::images(&Archive::read(chart).map_err(wrong)?))
    }

    /// Values of an addon, as KubeKey takes them: a file, over it `key=value` pairs; or a mapping. (The latter is kk's.)
    fn values(&self, addon: &Addon) -> Result<Values, JobError> {
        let mut values = Values::default();
        let Some(chart) = &addon.sources.chart else { return Ok(values) };
        if !chart.values_file.is_empty() {
            let path = self.folder.join(&chart.values_file);
            values.files.push(String::from_utf8_lossy(&read(&path)?).into_owned());
        }
        match &chart.values {
            Value::Array(pairs) => values.set = pairs.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Value::String(text) => values.files.push(text.clone()),
            // JSON is YAML.
            Value::Object(fields) if !fields.is_empty() => values.files.push(chart.values.to_string()),
            _ => {}
        }
        Ok(values)
    }

    /// Plain manifests: files beside the cluster file, or plain files of the bundle.
    fn manifests_of(&self, addon: &Addon, needs: &mut Needs) -> Result<(), JobError> {
        let because = format!("addon {}", addon.name);
        for path in addon.sources.yaml.iter().flat_map(|yaml| &yaml.path) {
            if path.contains("://") {
                needs.fault(format!("{path}: nothing is fetched inside; carry it as one of files"), &because);
                continue;
            }
            let disk = self.folder.join(path);
            let inside = format!("files/{path}");
            let carried =
                self.inventory.files.iter().find(|file| file.entry.path == *path || file.entry.path == inside);
            let texts = match carried {
                _ if disk.is_dir() => manifests_in(&disk)?,
                _ if disk.exists() => vec![read(&disk)?],
                Some(file) => vec![self.entry(&file.entry.path)?],
                None => {
                    needs.fault(format!("file {path}"), &because);
                    continue;
                }
            };
            for text in texts {
                let (images, faults) = images::in_yaml(&String::from_utf8_lossy(&text));
                needs.add(&because, &images);
                faults.into_iter().for_each(|fault| needs.fault(format!("{path}: {fault}"), &because));
            }
        }
        Ok(())
    }

    fn entry(&self, path: &str) -> Result<Vec<u8>, JobError> {
        let mut bytes = Vec::new();
        let reading = (self.open)(path).and_then(|entry| entry.take(LARGEST).read_to_end(&mut bytes));
        reading.map_err(|error| unreadable(path, error))?;
        Ok(bytes)
    }

    /// A chart's archive or folder beside the cluster file.
    fn on_disk(&self, path: &Path) -> Result<Vec<u8>, JobError> {
        if path.is_dir() {
            let wrong = |error| JobError::new(Kind::File, format!("{} is not a chart", path.display())).because(error);
            return folder::pack(path).map_err(wrong);
        }
        read(path)
    }
}

/// What came of a rendering.
enum Rendered {
    Images(BTreeSet<Named>),
    Not(String),
    NoHelm,
}

#[derive(Default)]
struct Values {
    /// Texts of files, the later over the earlier.
    files: Vec<String>,
    /// `key=value`
    set: Vec<String>,
}

fn unreadable(path: &str, error: io::Error) -> JobError {
    JobError::new(Kind::Bundle, format!("{path} of the bundle cannot be read")).because(error)
}

/// A file that the cluster file names.
fn read(path: &Path) -> Result<Vec<u8>, JobError> {
    let mut bytes = Vec::new();
    let reading = File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    reading.map_err(|error| JobError::new(Kind::File, format!("{} cannot be read", path.display())).because(error))?;
    Ok(bytes)
}

/// The manifests of a folder, by name, not of the folders in it: what `kubectl apply -f FOLDER` takes.
fn manifests_in(folder: &Path) -> Result<Vec<Vec<u8>>, JobError> {
    let unreadable = |error| JobError::new(Kind::File, format!("{} cannot be read", folder.display())).because(error);
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    let manifest =
        |path: &&PathBuf| path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|one| end == *one));
    paths.iter().filter(manifest).map(|path| read(path)).collect()
}
