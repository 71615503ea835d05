//! From text to trees, within limits: what a file may hold is bounded before it is built.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};

use super::node::{Content, Entry, Mapping, Node, Position, Scalar};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 4 << 20;
/// The most values of a file, those that aliases repeat included.
const MAX_NODES: usize = 100_000;
/// The deepest nesting of a file.
const MAX_DEPTH: usize = 64;

/// Something that is wrong with the YAML itself.
pub struct Fault {
    pub at: Position,
    pub message: String,
    pub hint: Option<&'static str>,
}

impl Fault {
    fn new(at: Position, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

/// The trees of a file's documents, and the faults that did not keep them from being read.
pub struct Stream {
    pub documents: Vec<Node>,
    pub faults: Vec<Fault>,
}

/// Reads all documents of a text. The error is a fault after which nothing can be read.
pub fn parse(text: &str) -> Result<Stream, Fault> {
    let mut options = granit_parser::options! { flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    options.set_emit_comments(false);
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(syntax)?;
        builder.take(event, &span)?;
    }
    Ok(Stream { documents: builder.documents, faults: builder.faults })
}

/// Builds trees from events, without recursion.
#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    faults: Vec<Fault>,
    /// The collections that are open, outermost first.
    open: Vec<Open>,
    /// Finished nodes that have an anchor, by the parser's number for it.
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

/// A collection that has not ended yet.
struct Open {
    at: Position,
    anchor: usize,
    kind: Kind,
}

enum Kind {
    Sequence(Vec<Node>),
    Mapping(OpenMapping),
}

/// A mapping that has not ended yet.
struct OpenMapping {
    mapping: Mapping,
    /// The key whose value comes next.
    key: Option<Key>,
    /// The keys so far, and their lines.
    seen: HashMap<String, usize>,
    /// What `<<` names.
    merged: Vec<Node>,
}

enum Key {
    Text(String, Position),
    /// The merge key `<<`.
    Merge,
    /// Something that cannot be a key; its value is dropped.
    Faulty,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Fault> {
        let at = position(&span.start);
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                self.budget(at, 1)?;
                let plain = style == ScalarStyle::Plain && !self.is_text(at, tag.as_deref());
                let scalar = Scalar { text: text.into_owned(), plain };
                self.finish(Node { at, content: Content::Scalar(scalar) }, anchor);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.is_text(at, tag.as_deref());
                self.open(at, anchor, Kind::Sequence(Vec::new()))?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.is_text(at, tag.as_deref());
                let mapping = Mapping { entries: Vec::new(), flow: style == StructureStyle::Flow };
                let open = OpenMapping { mapping, key: None, seen: HashMap::new(), merged: Vec::new() };
                self.open(at, anchor, Kind::Mapping(open))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let Some(mut node) = self.anchors.get(&anchor).cloned() else {
                    return Err(Fault::new(at, "this alias stands inside the very value that it repeats"));
                };
                self.budget(at, node.count())?;
                self.depth(at, node.height())?;
                if matches!(node.content, Content::Scalar(_)) {
                    node.at = at;
                }
                self.finish(node, 0);
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, at: Position, anchor: usize, kind: Kind) -> Result<(), Fault> {
        self.budget(at, 1)?;
        self.depth(at, 1)?;
        self.open.push(Open { at, anchor, kind });
        Ok(())
    }

    fn close(&mut self) {
        let Some(Open { at, anchor, kind }) = self.open.pop() else { return };
        let content = match kind {
            Kind::Sequence(items) => Content::Sequence(items),
            Kind::Mapping(mut open) => {
                self.merge(&mut open);
                Content::Mapping(open.mapping)
            }
        };
        self.finish(Node { at, content }, anchor);
    }

    /// Puts a finished node into the collection around it.
    fn finish(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(Open { kind, .. }) = self.open.last_mut() else {
            self.documents.push(node);
            return;
        };
        match kind {
            Kind::Sequence(items) => items.push(node),
            Kind::Mapping(open) => match open.key.take() {
                None => {
                    let at = node.at;
                    open.key = Some(match node.content {
                        Content::Scalar(scalar) if scalar.plain && scalar.text == "<<" => Key::Merge,
                        Content::Scalar(scalar) => Key::Text(scalar.text, at),
                        _ => {
                            self.faults.push(
                                Fault::new(at, "a key must be a single word or text")
                                    .hint("text in { } or [ ] needs quotes around it"),
                            );
                            Key::Faulty
                        }
                    });
                }
                Some(Key::Faulty) => {}
                Some(Key::Merge) => open.merged.push(node),
                Some(Key::Text(key, key_at)) => match open.seen.get(&key) {
                    None => {
                        open.seen.insert(key.clone(), key_at.line);
                        open.mapping.entries.push(Entry { key, key_at, value: node });
                    }
                    Some(line) => self
                        .faults
                        .push(Fault::new(key_at, format!("the key {key:?} is here twice; line {line} has it already"))),
                },
            },
        }
    }

    /// Adds what `<<` brings and the mapping does not have itself (YAML 1.1, the merge key).
    fn merge(&mut self, open: &mut OpenMapping) {
        let mut sources = Vec::new();
        for node in std::mem::take(&mut open.merged) {
            match node.content {
                Content::Sequence(items) => sources.extend(items),
                _ => sources.push(node),
            }
        }
        for source in sources {
            let Content::Mapping(from) = source.content else {
                self.faults.push(Fault::new(source.at, "\"<<\" must name a mapping, or a list of mappings"));
                continue;
            };
            for entry in from.entries {
                if !open.seen.contains_key(&entry.key) {
                    open.seen.insert(entry.key.clone(), entry.key_at.line);
                    open.mapping.entries.push(entry);
                }
            }
        }
    }

    fn budget(&mut self, at: Position, nodes: usize) -> Result<(), Fault> {
        self.nodes += nodes;
        match self.nodes > MAX_NODES {
            true => Err(Fault::new(at, format!("the file has more than {MAX_NODES} values, aliases counted in full"))),
            false => Ok(()),
        }
    }

    fn depth(&self, at: Position, more: usize) -> Result<(), Fault> {
        match self.open.len() + more > MAX_DEPTH {
            true => Err(Fault::new(at, format!("the file is nested deeper than {MAX_DEPTH} levels"))),
            false => Ok(()),
        }
    }

    /// Whether a tag says that a scalar is text whatever it looks like; tags beyond YAML's own are faults.
    fn is_text(&mut self, at: Position, tag: Option<&Tag>) -> bool {
        let Some(tag) = tag else { return false };
        match tag.core_suffix() {
            Some("str") => true,
            Some(_) => false,
            None => {
                self.faults.push(
                    Fault::new(at, "a value with a tag is not understood here")
                        .hint("text that begins with ! needs quotes around it"),
                );
                true
            }
        }
    }
}

fn position(marker: &granit_parser::Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

fn syntax(error: ScanError) -> Fault {
    let at = position(error.marker());
    match error.kind() {
        ErrorKind::UnknownAnchor => {
            Fault::new(at, "this alias names no anchor above it").hint("text that begins with * needs quotes around it")
        }
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation => {
            Fault::new(at, "a tab stands where YAML allows spaces only").hint("indent with spaces")
        }
        ErrorKind::UndeclaredTagHandle => Fault::new(at, "a value with a tag is not understood here")
            .hint("text that begins with ! needs quotes around it"),
        _ => Fault::new(at, format!("this is not valid YAML: {}", error.info())),
    }
}
