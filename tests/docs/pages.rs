//! The pages: README and everything below docs/.

use std::fs;
use std::path::{Path, PathBuf};

/// One page.
pub struct Page {
    /// Relative to the checkout.
    pub path: PathBuf,
    pub text: String,
}

/// A fenced block of a page.
pub struct Block {
    /// The line of its fence, from 1.
    pub line: usize,
    /// What follows the opening fence: `console`, `yaml`, …
    pub language: String,
    pub text: String,
}

/// The folder of the checkout.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page, by path.
pub fn all() -> Vec<Page> {
    let mut paths = vec!["README.md".into(), "README.zh-CN.md".into(), "CHANGELOG.md".into()];
    collect(Path::new("docs"), &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(checkout().join(&path))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Page { path, text }
        })
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(checkout().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
}

impl Page {
    /// The fenced blocks of the page, in order.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (index, line) in self.text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (fence, open.take()) {
                (Some(language), None) => {
                    let language = language.trim().to_owned();
                    open = Some(Block { line: index + 1, language, text: String::new() });
                }
                (Some(_), Some(block)) => blocks.push(block),
                (None, Some(mut block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a fence is not closed", self.path.display());
        blocks
    }

    /// The page without its fenced blocks.
    pub fn prose(&self) -> String {
        let mut fenced = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        prose
    }
}
