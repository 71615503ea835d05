//! A file that was read: its documents, and the way from one of them to a struct.

use std::fs::File;
use std::io::Read;
use std::path::Path as FilePath;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::conform::{Found, conform};
use super::node::{Node, Position};
use super::parse::{self, Fault, MAX_BYTES};
use super::{Diagnostic, Diagnostics, LoadError, Problem};

/// A file's text as trees, with the faults of the YAML that did not keep it from being read.
pub struct Source {
    /// The file as the user named it.
    file: String,
    documents: Vec<Node>,
    faults: Vec<Fault>,
}

/// Reads a file of the user's.
pub fn read(path: &FilePath) -> Result<Source, LoadError> {
    let unreadable = |source| LoadError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    File::open(path).map_err(unreadable)?.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    let faulty = |diagnostics| LoadError::Faulty { path: path.to_owned(), diagnostics };
    parse(&path.display().to_string(), &bytes).map_err(faulty)
}

/// Reads the bytes of a file; `file` is its name in errors.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Source, Diagnostics> {
    let refuse = |fault: Fault| Diagnostics(vec![diagnostic(file, fault)]);
    let start = Position { line: 1, column: 1 };
    if bytes.len() > MAX_BYTES {
        let message = format!("the file is longer than {} MiB", MAX_BYTES >> 20);
        return Err(refuse(Fault { at: start, message, hint: None }));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
        let at = Position {
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
        };
        refuse(Fault { at, message: "the file is not UTF-8 text".into(), hint: None })
    })?;
    let stream = parse::parse(text).map_err(refuse)?;
    // An empty document between two separators is nobody's mistake.
    let documents: Vec<Node> = stream.documents.into_iter().filter(|document| !document.is_null()).collect();
    if documents.is_empty() {
        return Err(refuse(Fault { at: start, message: "the file is empty".into(), hint: None }));
    }
    Ok(Source { file: file.to_owned(), documents, faults: stream.faults })
}

impl Source {
    /// The `kind` of the first document.
    pub fn kind(&self) -> Option<&str> {
        self.documents.first().and_then(|document| document.text_of("kind"))
    }

    /// Reads the first document as a struct, and checks it: against the struct's schema, then by `validate`. All
    /// errors come at once, but for those of `validate` that only follow from an earlier one.
    ///
    /// `others` says what to do with a further document, by its kind: an error, or nothing.
    pub fn check<T: DeserializeOwned + JsonSchema>(
        &self,
        kind: &str,
        validate: impl FnOnce(&T) -> Vec<Problem>,
        others: impl Fn(&str) -> Option<String>,
    ) -> Result<T, Diagnostics> {
        let Some(root) = self.documents.first() else { return Err(Diagnostics::default()) };
        if let Some(other) = root.text_of("kind").filter(|other| *other != kind && !other.is_empty()) {
            let problem = Problem::new(super::Path::of("kind"), format!("the kind must be {kind}, not {other:?}"));
            let found = vec![Found { at: root.locate(&problem.path), problem }];
            return Err(self.diagnostics(found));
        }
        let schema = Value::from(schemars::schema_for!(T));
        let conformed = conform(root, &schema);
        let mut found = conformed.found;
        for document in self.documents.iter().skip(1) {
            let other = document.text_of("kind").unwrap_or_default();
            if let Some(message) = others(other) {
                let problem = Problem::new(super::Path::default(), message);
                found.push(Found { at: document.at, problem });
            }
        }
        // The reason would show the value, which may be a secret; that it does not fit is a mistake of the schema's.
        let Ok(value) = serde_json::from_value::<T>(conformed.value) else {
            let problem = Problem::new(super::Path::default(), format!("the file is not a {kind}"));
            if found.is_empty() {
                found.push(Found { at: root.at, problem });
            }
            return Err(self.diagnostics(found));
        };
        let first: Vec<super::Path> = found.iter().map(|found| found.problem.path.clone()).collect();
        for problem in validate(&value) {
            if !first.iter().any(|path| !path.0.is_empty() && path.touches(&problem.path)) {
                found.push(Found { at: root.locate(&problem.path), problem });
            }
        }
        match found.is_empty() && self.faults.is_empty() {
            true => Ok(value),
            false => Err(self.diagnostics(found)),
        }
    }

    /// Where the value of an address stands in the first document; see [`Node::locate`].
    pub fn locate(&self, path: &super::Path) -> Option<Position> {
        self.documents.first().map(|root| root.locate(path))
    }

    /// The further documents of a kind, as open values.
    pub fn further(&self, kind: &str) -> Vec<Value> {
        let documents = self.documents.iter().skip(1).filter(|document| document.text_of("kind") == Some(kind));
        documents.map(|document| conform(document, &Value::Bool(true)).value).collect()
    }

    fn diagnostics(&self, mut found: Vec<Found>) -> Diagnostics {
        let faults = self.faults.iter().map(|fault| {
            let problem = Problem { path: super::Path::default(), message: fault.message.clone(), hint: None };
            let problem = match fault.hint {
                Some(hint) => problem.hint(hint),
                None => problem,
            };
            Found { at: fault.at, problem }
        });
        found.extend(faults);
        found.sort_by_key(|found| found.at);
        let file = &self.file;
        let diagnostics = found.into_iter().map(|Found { at, problem }| Diagnostic {
            file: file.clone(),
            line: at.line,
            column: at.column,
            message: problem.message,
            hint: problem.hint,
        });
        Diagnostics(diagnostics.collect())
    }
}

fn diagnostic(file: &str, fault: Fault) -> Diagnostic {
    Diagnostic {
        file: file.to_owned(),
        line: fault.at.line,
        column: fault.at.column,
        message: fault.message,
        hint: fault.hint.map(str::to_owned),
    }
}
