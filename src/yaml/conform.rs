//! Holds a tree against the JSON schema of its kind, and makes of it the value that the schema describes.
//!
//! Only the parts of JSON schema that schemars derives from our structs are understood: `type`, `properties`,
//! `required`, `additionalProperties`, `items`, `$ref` into `$defs`, `anyOf` with null, `minimum`, `maximum`.

use serde_json::{Map, Value};

use super::node::{Content, Entry, Mapping, Node, Position, Scalar};
use super::path::nearest;
use super::{Path, Problem, scalar};

/// A problem and its place.
pub struct Found {
    pub at: Position,
    pub problem: Problem,
}

/// What a tree is when it is read by a schema.
pub struct Conformed {
    /// The value, without the parts that are wrong; what is required and missing is empty.
    pub value: Value,
    pub found: Vec<Found>,
}

/// Reads a tree by a schema; every problem is found, not only the first.
pub fn conform(node: &Node, schema: &Value) -> Conformed {
    let mut reader = Reader { root: schema, found: Vec::new() };
    let schema = reader.resolve(schema);
    let value = reader.value(node, &schema, &Path::default());
    Conformed { value: value.unwrap_or_else(|| empty(&schema)), found: reader.found }
}

struct Reader<'s> {
    root: &'s Value,
    found: Vec<Found>,
}

/// One level of a schema, with references followed.
struct Schema<'s> {
    object: Option<&'s Map<String, Value>>,
    kind: Option<&'s str>,
}

impl<'s> Schema<'s> {
    fn get(&self, key: &str) -> Option<&'s Value> {
        self.object?.get(key)
    }

    fn properties(&self) -> Option<&'s Map<String, Value>> {
        self.get("properties")?.as_object()
    }
}

impl<'s> Reader<'s> {
    fn resolve(&self, schema: &'s Value) -> Schema<'s> {
        let mut schema = schema;
        // References of derived schemas are never longer than this; a cycle would be.
        for _ in 0..16 {
            if let Some(name) =
                schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"))
            {
                schema = self.root.get("$defs").and_then(|definitions| definitions.get(name)).unwrap_or(&Value::Null);
            } else if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
                let not_null = |choice: &&Value| choice.get("type").and_then(Value::as_str) != Some("null");
                schema = choices.iter().find(not_null).unwrap_or(&Value::Null);
            } else {
                break;
            }
        }
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => Some(kind.as_str()),
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            _ => None,
        };
        Schema { object: schema.as_object(), kind }
    }

    fn problem(&mut self, at: Position, problem: Problem) {
        self.found.push(Found { at, problem });
    }

    /// The value of a node; none when it is left empty or is wrong.
    fn value(&mut self, node: &Node, schema: &Schema<'s>, path: &Path) -> Option<Value> {
        let Some(kind) = schema.kind else { return self.open(node) };
        if node.is_null() {
            return None;
        }
        match (kind, &node.content) {
            ("string", Content::Scalar(scalar)) => Some(Value::String(scalar.text.clone())),
            ("boolean", Content::Scalar(scalar)) => self.boolean(node.at, scalar, path),
            ("integer", Content::Scalar(scalar)) => self.integer(node.at, scalar, schema, path),
            ("array", Content::Sequence(items)) => self.array(items, schema, path),
            ("object", Content::Mapping(mapping)) => self.object(node.at, mapping, schema, path),
            ("array", Content::Scalar(_)) => {
                let hint = "write each element on a line of its own after \"- \", or all in [ ]";
                self.problem(node.at, Problem::new(path.clone(), format!("{path} must be a list")).hint(hint));
                None
            }
            (kind, content) => {
                let wanted = describe(kind);
                let is = match content {
                    Content::Scalar(_) => "a single value",
                    Content::Sequence(_) => "a list",
                    Content::Mapping(_) => "keys with values",
                };
                self.problem(node.at, Problem::new(path.clone(), format!("{path} must be {wanted}, not {is}")));
                None
            }
        }
    }

    fn boolean(&mut self, at: Position, scalar: &Scalar, path: &Path) -> Option<Value> {
        let meant = scalar::boolean(&scalar.text);
        if scalar.plain && meant.is_some() {
            return meant.map(Value::Bool);
        }
        let problem = Problem::new(path.clone(), format!("{path} must be true or false, not {}", quoted(scalar)));
        let problem = if meant.is_some() { problem.hint("remove the quotes") } else { problem };
        self.problem(at, problem);
        None
    }

    fn integer(&mut self, at: Position, scalar: &Scalar, schema: &Schema<'s>, path: &Path) -> Option<Value> {
        let meant = scalar::integer(&scalar.text);
        let Some(number) = meant.filter(|_| scalar.plain) else {
            let problem = Problem::new(path.clone(), format!("{path} must be a whole number, not {}", quoted(scalar)));
            let problem = if meant.is_some() { problem.hint("remove the quotes") } else { problem };
            self.problem(at, problem);
            return None;
        };
        let format = schema.get("format").and_then(Value::as_str);
        let (low, high) = match format {
            Some("uint8") => (0, i128::from(u8::MAX)),
            Some("uint16") => (0, i128::from(u16::MAX)),
            Some("uint32") => (0, i128::from(u32::MAX)),
            Some("uint64") => (0, i128::from(u64::MAX)),
            _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
        };
        if number < low || number > high {
            let message = format!("{path} must lie between {low} and {high}, and is {number}");
            self.problem(at, Problem::new(path.clone(), message));
            return None;
        }
        match u64::try_from(number) {
            Ok(number) => Some(number.into()),
            Err(_) => i64::try_from(number).ok().map(Value::from),
        }
    }

    fn array(&mut self, items: &[Node], schema: &Schema<'s>, path: &Path) -> Option<Value> {
        let element = self.resolve(schema.get("items").unwrap_or(&Value::Null));
        let mut values = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = path.index(index);
            if item.is_null() && element.kind.is_some() {
                self.problem(item.at, Problem::new(path.clone(), format!("{path} is empty")));
            }
            // A wrong element keeps its place, so that the addresses of those after it stay right.
            values.push(self.value(item, &element, &path).unwrap_or_else(|| empty(&element)));
        }
        Some(Value::Array(values))
    }

    fn object(&mut self, at: Position, mapping: &Mapping, schema: &Schema<'s>, path: &Path) -> Option<Value> {
        let properties = schema.properties();
        let others = schema.get("additionalProperties").filter(|others| **others != Value::Bool(false));
        let mut object = Map::new();
        for (index, entry) in mapping.entries.iter().enumerate() {
            let known = properties.and_then(|properties| properties.get(&entry.key));
            let Some(property) = known.or(others) else {
                self.unknown_key(mapping, index, entry, schema, path);
                continue;
            };
            let property_schema = self.resolve(property);
            let value = self.value(&entry.value, &property_schema, &path.key(&entry.key));
            match value {
                Some(value) => {
                    object.insert(entry.key.clone(), value);
                }
                // In a map of the user's own keys, an empty value is one; elsewhere it means the default.
                None if known.is_none() => {
                    object.insert(entry.key.clone(), empty(&property_schema));
                }
                None => {}
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for key in required {
            if object.contains_key(key) {
                continue;
            }
            if let Some(property) = properties.and_then(|properties| properties.get(key)) {
                object.insert(key.to_owned(), empty(&self.resolve(property)));
            }
            match mapping.entry(key) {
                Some(entry) if entry.value.is_null() => {
                    let path = path.key(key);
                    self.problem(entry.key_at, Problem::new(path.clone(), format!("{path} is empty")));
                }
                Some(_) => {}
                None => {
                    let message = match path.0.is_empty() {
                        true => format!("the key \"{key}\" is missing"),
                        false => format!("the key \"{key}\" is missing in {path}"),
                    };
                    self.problem(at, Problem::new(path.key(key), message));
                }
            }
        }
        Some(Value::Object(object))
    }

    fn unknown_key(&mut self, mapping: &Mapping, index: usize, entry: &Entry, schema: &Schema<'s>, path: &Path) {
        let properties = schema.properties();
        let before = index.checked_sub(1).and_then(|before| mapping.entries.get(before));
        let is_secret = |key: &str| {
            let property = properties.and_then(|properties| properties.get(key));
            property.and_then(|property| property.get("writeOnly")).is_some()
        };
        // `{password: se,cret}`: what follows the comma is part of a secret, and must not be shown.
        if let Some(before) = before.filter(|before| mapping.flow && entry.value.is_null() && is_secret(&before.key)) {
            let problem = Problem::new(path.key(&before.key), format!("the value of {} ends at a comma", before.key))
                .hint("text with a comma in it needs quotes around it");
            return self.problem(entry.key_at, problem);
        }
        let taken: Vec<&str> = mapping.entries.iter().map(|entry| entry.key.as_str()).collect();
        let free = properties.into_iter().flat_map(Map::keys).map(String::as_str).filter(|key| !taken.contains(key));
        let near = nearest(&entry.key, free);
        let place = if path.0.is_empty() { String::new() } else { format!(" in {path}") };
        // What has no value may be the rest of one that lacks its quotes, and that may be a secret.
        let stray = entry.value.is_null() && near.is_none();
        let message = match entry.key.split_once(char::is_whitespace) {
            _ if stray => format!("unknown key{place}, without a value"),
            Some((word, _)) => format!("unknown key that begins with {word:?}{place}"),
            None => format!("unknown key {:?}{place}", entry.key),
        };
        let problem = Problem::new(path.key(&entry.key), message);
        let problem = match near {
            Some(near) => problem.hint(format!("did you mean \"{near}\"?")),
            None if stray => problem,
            None => match self.elsewhere(self.root, &entry.key, &Path::default(), 0) {
                Some(place) => problem.hint(format!("\"{}\" is a key of {place}", entry.key)),
                None => problem,
            },
        };
        self.problem(entry.key_at, problem);
    }

    /// Where else in the schema a key is at home.
    fn elsewhere(&self, schema: &'s Value, key: &str, path: &Path, depth: usize) -> Option<Path> {
        let properties = self.resolve(schema).properties().filter(|_| depth < 5)?;
        // `name`, `type` and the like are at home in many places.
        if properties.contains_key(key) && depth > 0 && key.len() > 5 {
            return Some(path.clone());
        }
        properties.iter().find_map(|(name, property)| self.elsewhere(property, key, &path.key(name), depth + 1))
    }

    /// A value where the schema leaves open what it is.
    fn open(&mut self, node: &Node) -> Option<Value> {
        Some(match &node.content {
            Content::Scalar(scalar) if scalar.is_null() => Value::Null,
            Content::Scalar(scalar) if scalar.plain => scalar::open(&scalar.text),
            Content::Scalar(scalar) => Value::String(scalar.text.clone()),
            Content::Sequence(items) => items.iter().filter_map(|item| self.open(item)).collect(),
            Content::Mapping(mapping) => {
                let entries = mapping.entries.iter();
                Value::Object(entries.filter_map(|entry| Some((entry.key.clone(), self.open(&entry.value)?))).collect())
            }
        })
    }
}

/// What stands in for a value that is wrong, so that the rest of the file can still be checked.
fn empty(schema: &Schema) -> Value {
    match schema.kind {
        Some("string") => Value::String(String::new()),
        Some("boolean") => Value::Bool(false),
        Some("integer" | "number") => 0.into(),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => {
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            let required = required.filter_map(Value::as_str);
            Value::Object(required.map(|key| (key.to_owned(), Value::String(String::new()))).collect())
        }
        _ => Value::Null,
    }
}

fn describe(kind: &str) -> &'static str {
    match kind {
        "string" => "text",
        "boolean" => "true or false",
        "integer" | "number" => "a whole number",
        "array" => "a list",
        _ => "keys with values",
    }
}

/// A scalar for a message: only where the schema wants a number or a boolean, which no secret is.
fn quoted(scalar: &Scalar) -> String {
    match scalar.text.chars().count() > 40 {
        true => "a long text".into(),
        false => format!("the text {:?}", scalar.text),
    }
}

#[cfg(test)]
mod tests;
