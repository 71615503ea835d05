//! Writes values as YAML that every reader understands alike.
//!
//! Text is written bare only where no reader could take it for anything else; all other text is quoted as JSON quotes
//! it. Kubernetes' reader follows YAML 1.1, where a bare `on` is true and `1_000` is a number.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

/// The value as a YAML document; keys keep their order.
pub fn to_string(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    block(&serde_json::to_value(value)?, 0, &mut out);
    Ok(out)
}

pub(super) fn block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            for (key, value) in object {
                let _ = write!(out, "{:indent$}{}:", "", text(key));
                nested(value, indent + 2, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(out, "{:indent$}-", "");
                match item {
                    Value::Object(object) if !object.is_empty() => {
                        // The first key stands beside the dash.
                        let mut lines = String::new();
                        block(item, indent + 2, &mut lines);
                        let _ = write!(out, " {}", lines.trim_start_matches(' '));
                    }
                    _ => nested(item, indent + 2, out),
                }
            }
        }
        _ => {
            let _ = writeln!(out, "{:indent$}{}", "", scalar(value));
        }
    }
}

/// A value after its key or dash: on the same line where it is a single one.
fn nested(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            out.push('\n');
            block(value, indent, out);
        }
        Value::Array(items) if !items.is_empty() => match flow(items) {
            Some(line) => {
                let _ = writeln!(out, " {line}");
            }
            None => {
                out.push('\n');
                block(value, indent, out);
            }
        },
        _ => {
            let _ = writeln!(out, " {}", scalar(value));
        }
    }
}

/// A short list of single values on one line.
fn flow(items: &[Value]) -> Option<String> {
    const WIDTH: usize = 80;
    if items.iter().any(|item| item.is_object() || item.is_array()) {
        return None;
    }
    let line = format!("[{}]", items.iter().map(scalar).collect::<Vec<_>>().join(", "));
    (line.chars().count() <= WIDTH).then_some(line)
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(string) => text(string),
        Value::Object(_) => "{}".into(),
        Value::Array(_) => "[]".into(),
        _ => value.to_string(),
    }
}

fn text(text: &str) -> String {
    if is_bare(text) { text.to_owned() } else { quoted(text) }
}

/// Whether a text can stand without quotes for every reader.
fn is_bare(text: &str) -> bool {
    const WORDS: [&str; 13] =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "none", "infinity"];
    let word = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let dotted = text.starts_with(|first: char| first.is_ascii_digit())
        && text.matches('.').count() >= 2
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'/')
        && text.ends_with(|last: char| last.is_ascii_digit());
    let ordinary = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    (word && ordinary && !WORDS.contains(&text.to_lowercase().as_str())) || dotted
}

/// A text in double quotes, as JSON has it; what YAML readers do not take raw is escaped.
fn quoted(text: &str) -> String {
    let json = Value::String(text.to_owned()).to_string();
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::yaml::{conform, parse};

    fn read_back(text: &str) -> Value {
        let stream = parse::parse(text).unwrap_or_else(|fault| panic!("{}: {text}", fault.message));
        assert!(stream.faults.is_empty());
        conform::conform(&stream.documents[0], &Value::Bool(true)).value
    }

    #[test]
    fn a_document_reads_like_one_that_a_person_wrote() {
        let value = json!({
            "spec": {
                "hosts": [{"name": "node1", "labels": {}, "port": 22}, {"name": "on"}],
                "lists": [["a", 1], []],
                "version": "1.30",
                "network": "10.233.64.0/18",
                "nothing": null,
            }
        });
        let text = to_string(&value).unwrap();
        insta::assert_snapshot!(text, @r#"
        spec:
          hosts:
            - name: node1
              labels: {}
              port: 22
            - name: "on"
          lists:
            - [a, 1]
            - []
          version: "1.30"
          network: 10.233.64.0/18
          nothing: null
        "#);
        assert_eq!(read_back(&text), value);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[-_.0-9a-fxoyesn:,#~ ]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("\\PC{0,8}|[a-z<~]{1,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            prop_assert_eq!(read_back(&to_string(&value).unwrap()), value);
        }
    }
}
