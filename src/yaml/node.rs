//! A YAML document as a tree in which every node knows where it stands.
//!
//! Nothing here is `Debug`: a tree holds passwords.

use super::{Path, Segment};

/// Line and column in a file, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// A value with its place.
#[derive(Clone)]
pub struct Node {
    pub at: Position,
    pub content: Content,
}

/// What a node is.
#[derive(Clone)]
pub enum Content {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Mapping),
}

/// A single value, as text.
#[derive(Clone)]
pub struct Scalar {
    pub text: String,
    /// Written without quotes and not as a block, so that it may be a number, a boolean or null.
    pub plain: bool,
}

/// Keys and values in the order of the file.
#[derive(Clone)]
pub struct Mapping {
    pub entries: Vec<Entry>,
    /// Written as `{a: b}`.
    pub flow: bool,
}

/// A key and its value.
#[derive(Clone)]
pub struct Entry {
    pub key: String,
    pub key_at: Position,
    pub value: Node,
}

impl Mapping {
    /// The entry of a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Scalar {
    /// Whether this is one of YAML's spellings of nothing (YAML 1.2, section 10.3.2).
    pub fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

impl Node {
    /// Whether the value is left empty or says `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
    }

    /// The text of the scalar under a key of this mapping.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        match &self.content {
            Content::Mapping(mapping) => match &mapping.entry(key)?.value.content {
                Content::Scalar(scalar) => Some(&scalar.text),
                _ => None,
            },
            _ => None,
        }
    }

    /// Where the value of an address stands; for what is not there, the nearest value around it.
    ///
    /// A mapping or list stands where its key is: that is where people look for it.
    pub fn locate(&self, path: &Path) -> Position {
        let (mut node, mut at) = (self, self.at);
        for segment in &path.0 {
            let next = match (&node.content, segment) {
                (Content::Mapping(mapping), Segment::Key(key)) => mapping.entry(key).map(|entry| {
                    let scalar = matches!(entry.value.content, Content::Scalar(_)) && !entry.value.is_null();
                    (&entry.value, if scalar { entry.value.at } else { entry.key_at })
                }),
                (Content::Sequence(items), Segment::Index(index)) => items.get(*index).map(|item| (item, item.at)),
                _ => None,
            };
            match next {
                Some(next) => (node, at) = next,
                None => return at,
            }
        }
        at
    }

    /// How many nodes the tree has, this one included.
    pub fn count(&self) -> usize {
        match &self.content {
            Content::Scalar(_) => 1,
            Content::Sequence(items) => 1 + items.iter().map(Node::count).sum::<usize>(),
            Content::Mapping(mapping) => 1 + mapping.entries.iter().map(|entry| entry.value.count()).sum::<usize>(),
        }
    }

    /// How many levels the tree has; a scalar has one.
    pub fn height(&self) -> usize {
        match &self.content {
            Content::Scalar(_) => 1,
            Content::Sequence(items) => 1 + items.iter().map(Node::height).max().unwrap_or(0),
            Content::Mapping(mapping) => {
                1 + mapping.entries.iter().map(|entry| entry.value.height()).max().unwrap_or(0)
            }
        }
    }
}
