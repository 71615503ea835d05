//! Writes a sample of a kind as a file that explains itself: every field, with what its schema says about it.
//!
//! Fields of the sample are written as they are. All other fields are written as comments with their defaults, so that
//! taking the `#` away puts them into force: prose has a space after its `#`, a field has none.

use serde_json::{Map, Value};

use super::write;

/// Longest line of prose.
const WIDTH: usize = 110;

/// The sample as an annotated document.
pub fn annotated(schema: &Value, sample: &Value) -> String {
    let mut out = String::new();
    Annotator { root: schema }.object(schema, Some(sample), 0, &mut out);
    out
}

struct Annotator<'s> {
    root: &'s Value,
}

impl<'s> Annotator<'s> {
    /// The schema behind a reference, or the choice beside null.
    fn resolve(&self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        for _ in 0..16 {
            let reference = schema.get("$ref").and_then(Value::as_str);
            if let Some(name) = reference.and_then(|path| path.strip_prefix("#/$defs/")) {
                schema = &self.root["$defs"][name];
            } else if let Some(Value::Array(choices)) = schema.get("anyOf") {
                schema = choices.first().unwrap_or(&Value::Null);
            } else {
                break;
            }
        }
        schema
    }

    fn properties(&self, schema: &'s Value) -> Option<&'s Map<String, Value>> {
        self.resolve(schema).get("properties")?.as_object()
    }

    fn object(&self, schema: &'s Value, sample: Option<&Value>, indent: usize, out: &mut String) {
        let properties = self.properties(schema);
        // The parts of a long file stand apart.
        let apart = indent == 2 && properties.is_some_and(|properties| properties.len() > 6);
        for (key, property) in properties.into_iter().flatten() {
            let value = sample.and_then(|sample| sample.get(key));
            if value.is_none() && property.get("x-omit-from-sample").is_some() {
                continue;
            }
            if apart {
                out.push('\n');
            }
            if value.and_then(Value::as_str).is_none_or(|value| self.says(property) != format!("{value}.")) {
                self.prose(property, indent, out);
            }
            match value {
                Some(value) => self.field(key, property, value, indent, out),
                None => {
                    let mut lines = String::new();
                    self.default(key, property, &mut lines);
                    for line in lines.lines() {
                        out.push_str(&format!("{:indent$}#{line}\n", ""));
                    }
                }
            }
        }
    }

    /// A field that the sample has.
    fn field(&self, key: &str, property: &'s Value, value: &Value, indent: usize, out: &mut String) {
        let items = self.resolve(property).get("items");
        let elements = items.filter(|items| self.properties(items).is_some());
        match (value, elements) {
            (Value::Object(_), _) if self.properties(property).is_some() => {
                out.push_str(&format!("{:indent$}{key}:\n", ""));
                self.object(property, Some(value), indent + 2, out);
            }
            (Value::Array(values), Some(element)) if !values.is_empty() => {
                out.push_str(&format!("{:indent$}{key}:\n", ""));
                for (index, value) in values.iter().enumerate() {
                    // The first element explains itself; the others show what most of them need.
                    let mut lines = String::new();
                    match index {
                        0 => self.object(element, Some(value), indent + 4, &mut lines),
                        _ => write::block(value, indent + 4, &mut lines),
                    }
                    let dash = format!("{:width$}-", "", width = indent + 2);
                    let body: Vec<&str> = lines.lines().collect();
                    let first = body.iter().position(|line| !line.trim_start().starts_with('#')).unwrap_or(0);
                    for (number, line) in body.iter().enumerate() {
                        match number == first {
                            true => out.push_str(&format!("{dash} {}\n", line.trim_start())),
                            false => out.push_str(&format!("{line}\n")),
                        }
                    }
                }
            }
            _ => write::block(&serde_json::json!({ key: value }), indent, out),
        }
    }

    /// A field that the sample does not have, with its default.
    fn default(&self, key: &str, property: &'s Value, out: &mut String) {
        if self.properties(property).is_some() {
            out.push_str(&format!("{key}:\n"));
            let mut lines = String::new();
            for (key, property) in self.properties(property).into_iter().flatten() {
                self.prose(property, 2, &mut lines);
                let mut inner = String::new();
                self.default(key, property, &mut inner);
                inner.lines().for_each(|line| lines.push_str(&format!("  {line}\n")));
            }
            out.push_str(&lines);
            return;
        }
        match property.get("default") {
            None | Some(Value::Null) => out.push_str(&format!("{key}:\n")),
            Some(default) => write::block(&serde_json::json!({ key: default }), 0, out),
        }
    }

    /// What the schema says about a field.
    fn says(&self, property: &'s Value) -> String {
        let text = property.get("description").or_else(|| self.resolve(property).get("description"));
        let text = text.and_then(Value::as_str).unwrap_or_default();
        text.replace("(kk)", "(An addition of kk's.)").replace('\n', " ").replace('`', "")
    }

    /// What the schema says about a field, as comments.
    fn prose(&self, property: &'s Value, indent: usize, out: &mut String) {
        let resolved = self.resolve(property);
        let mut text = self.says(property);
        let element = resolved.get("items").or_else(|| resolved.get("additionalProperties"));
        if let Some(fields) = element.and_then(|element| self.properties(element)) {
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            text.push_str(&format!(" Each has: {}.", names.join(", ")));
        }
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && indent + line.len() + word.len() + 3 > WIDTH {
                out.push_str(&format!("{:indent$}#{line}\n", ""));
                line.clear();
            }
            line.push(' ');
            line.push_str(word);
        }
        if !line.is_empty() {
            out.push_str(&format!("{:indent$}#{line}\n", ""));
        }
    }
}
