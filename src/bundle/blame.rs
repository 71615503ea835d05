//! Names what a bad entry belongs to. Looked up in tables, since a hostile bundle may have very many bad entries.

use std::collections::{HashMap, HashSet};

use super::fault::{BadObject, Fault};
use super::inventory::Inventory;
use super::layout::{Kind, Member};
use crate::digest::Digest;

/// What needs each blob, and which paths exist.
pub(super) struct Blame<'a> {
    members: &'a [Member],
    paths: HashSet<&'a str>,
    images: HashMap<Digest, Vec<&'a str>>,
}

impl<'a> Blame<'a> {
    pub(super) fn new(inventory: &'a Inventory, members: &'a [Member]) -> Self {
        let mut images: HashMap<Digest, Vec<&str>> = HashMap::new();
        for image in &inventory.images {
            let platforms = &image.platforms;
            let of_platforms = platforms.iter().flat_map(|one| std::iter::once(&one.manifest).chain(&one.blobs));
            for digest in std::iter::once(&image.digest).chain(of_platforms) {
                let names = images.entry(*digest).or_default();
                if names.last() != Some(&image.reference.as_str()) {
                    names.push(&image.reference);
                }
            }
        }
        Self { members, paths: members.iter().map(|member| member.path.as_str()).collect(), images }
    }

    /// The bad entry with this index; one past the last stands for the end of the archive.
    pub(super) fn bad_object(&self, index: usize, mut fault: Fault) -> BadObject {
        let member = self.members.get(index);
        if let Fault::Header { found, path: Some(path) } = &mut fault
            && member.map(|member| &member.path) != Some(path)
        {
            let listed = self.paths.contains(path.as_str());
            found.push_str(if listed { ", whose place is elsewhere" } else { ", which the inventory does not list" });
        }
        let belongs_to = member.map(|member| self.owners(member)).unwrap_or_default();
        let path = member.map_or("the end of the archive", |member| &member.path).to_owned();
        BadObject { path, belongs_to, fault }
    }

    fn owners(&self, member: &Member) -> Vec<String> {
        match &member.kind {
            Kind::Derived(_) | Kind::File => Vec::new(),
            Kind::Component { name, version, arch } => vec![format!("component {name} {version} {arch}")],
            Kind::Chart { name, version } => vec![format!("chart {name} {version}")],
            Kind::Packages { system, arch } => vec![format!("packages of {system} {arch}")],
            Kind::Blob { .. } => {
                let images = self.images.get(&member.sha256).into_iter().flatten();
                images.map(|reference| format!("image {reference}")).collect()
            }
        }
    }
}
