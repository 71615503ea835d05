//! How the addresses of a component are made of its name, version and architecture.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{CatalogError, Location, version};

/// A component's published files.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Component {
    /// Architecture as Go names it → as the project names it. Only these are published.
    #[serde(default = "go_names")]
    pub arches: BTreeMap<String, String>,
    /// Versions that stand for another one.
    #[serde(default)]
    pub aliases: BTreeMap<String, String>,
    pub sources: Vec<Source>,
}

/// Where versions up to a limit lie.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Only for versions below this one.
    pub before: Option<String>,
    /// Address of the file, with placeholders.
    pub url: String,
    /// Address of the file that holds its SHA-256, with placeholders.
    pub checksum: Option<String>,
}

fn go_names() -> BTreeMap<String, String> {
    ["amd64", "arm64"].into_iter().map(|arch| (arch.to_owned(), arch.to_owned())).collect()
}

impl Component {
    pub(super) fn locate(&self, name: &str, asked: &str, arch: &str) -> Result<Location, CatalogError> {
        let resolved = self.aliases.get(asked).map_or(asked, String::as_str);
        let bad_version = || CatalogError::Version { name: name.to_owned(), version: asked.to_owned() };
        let number = version::number(resolved).ok_or_else(bad_version)?;
        let theirs = self.arches.get(arch).ok_or_else(|| CatalogError::UnknownArch {
            name: name.to_owned(),
            arch: arch.to_owned(),
            published: self.arches.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        })?;
        let applies = |source: &&Source| source.before.as_ref().is_none_or(|limit| version::is_before(number, limit));
        let source = self.sources.iter().find(applies).ok_or_else(bad_version)?;
        // A plus sign is the only character of a version that an address has to escape.
        let number = number.replace('+', "%2B");
        let fill = |template: &str| {
            template
                .replace("{version}", &format!("v{number}"))
                .replace("{number}", &number)
                .replace("{arch}", theirs)
                .replace("{goarch}", arch)
        };
        let url = fill(&source.url);
        let (dir, file_name) = url.rsplit_once('/').unwrap_or(("", &url));
        let checksum_url =
            source.checksum.as_ref().map(|template| fill(&template.replace("{url}", &url).replace("{dir}", dir)));
        let file_name = file_name.replace("%2B", "+");
        Ok(Location { version: resolved.to_owned(), file_name, checksum_url, url })
    }
}
