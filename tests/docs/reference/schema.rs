//! The fields of the cluster file and of the manifest, from the schema of the types that read them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{agree, cell, refused};

#[test]
fn the_cluster_file() {
    let schema = schemars::schema_for!(kk::cluster::ClusterFile);
    let page = page(
        "# The cluster file",
        "Every field of KubeKey 3's `kind: Cluster` (`kubekey.kubesphere.io/v1alpha2`), and those that `kk` adds, marked \
         (kk). An unknown field is an error that names its line and column. `kk config view -f FILE` shows a file with \
         every default filled in and every secret hidden. \
         [An example](../../manifests/samples/cluster-ha.yaml) is among the samples.",
        schema.as_value(),
    );
    agree("cluster.md", page + &refused::section());
}

#[test]
fn the_manifest() {
    let schema = schemars::schema_for!(kk::manifest::ManifestFile);
    let page = page(
        "# The manifest",
        "Every field of KubeKey 3's `kind: Manifest` (`kubekey.kubesphere.io/v1alpha2`), and those that `kk` adds, marked \
         (kk). An unknown field is an error that names its line and column. \
         [An example](../../manifests/samples/manifest-v1.35.yaml) is among the samples.",
        schema.as_value(),
    );
    agree("manifest.md", page);
}

/// A definition that a page describes, and the first place where it stands.
struct Section<'a> {
    path: String,
    schema: &'a Value,
}

fn page(title: &str, introduction: &str, root: &Value) -> String {
    let mut sections = vec![Section { path: String::new(), schema: root }];
    let mut known = BTreeSet::new();
    let mut page = format!("{title}\n\n{introduction}\n");
    let mut at = 0;
    while at < sections.len() {
        let found = describe(root, &sections[at], &mut page);
        // Depth first: the fields of a section follow it.
        let mut next = at + 1;
        for (path, name) in found {
            if known.insert(name.clone()) {
                sections.insert(next, Section { path, schema: &root["$defs"][&name] });
                next += 1;
            }
        }
        at += 1;
    }
    page
}

/// Writes a section's table; gives the definitions that it refers to, with their places.
fn describe(root: &Value, section: &Section, page: &mut String) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let heading = if section.path.is_empty() { "The file".into() } else { format!("`{}`", section.path) };
    page.push_str(&format!("\n## {heading}\n\n"));
    let about = section.schema["description"].as_str().filter(|_| !section.path.is_empty()).unwrap_or_default();
    if !about.is_empty() {
        page.push_str(&format!("{}\n\n", about.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    let Some(properties) = section.schema["properties"].as_object() else {
        page.push_str(&format!("{}\n", capitalised(&kind(section.schema, &section.path, &mut found))));
        return found;
    };
    page.push_str("| field | type | default | meaning |\n|---|---|---|---|\n");
    let required: Vec<&str> =
        section.schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, schema) in properties {
        let path = if section.path.is_empty() { name.clone() } else { format!("{}.{name}", section.path) };
        let kind = kind(schema, &path, &mut found);
        let default = if required.contains(&name.as_str()) { "required".into() } else { default(schema) };
        page.push_str(&format!("| `{name}` | {kind} | {default} | {} |\n", meaning(root, schema)));
    }
    found
}

fn meaning(root: &Value, schema: &Value) -> String {
    let own = schema["description"].as_str();
    let of_type = reference(schema).and_then(|name| root["$defs"][name]["description"].as_str());
    let secret = schema["writeOnly"].as_bool().unwrap_or_default();
    let of_type = of_type.filter(|_| reference(schema) != Some("Switch"));
    let text = cell(own.or(of_type).unwrap_or_default());
    if secret { format!("{text} A secret: never shown, logged or journalled.").trim().to_owned() } else { text }
}

fn default(schema: &Value) -> String {
    match &schema["default"] {
        Value::Null | Value::Object(_) => String::new(),
        Value::String(text) if text.is_empty() => String::new(),
        Value::Array(items) if items.is_empty() => String::new(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"))
}

/// A type in words, with links to the sections of what it refers to.
fn kind(schema: &Value, path: &str, found: &mut Vec<(String, String)>) -> String {
    if let Some(name) = reference(schema) {
        if name == "Switch" {
            return "`{enabled: true}` or `{enabled: false}`".into();
        }
        found.push((path.to_owned(), name.to_owned()));
        return name_of(name);
    }
    if let Some(variants) = schema["anyOf"].as_array() {
        let kinds: Vec<String> =
            variants.iter().filter(|one| one["type"] != "null").map(|one| kind(one, path, found)).collect();
        return kinds.join(" or ");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        _ => return "anything".into(),
    };
    match types.first().copied().unwrap_or("anything") {
        "array" => format!("list of {}", kind(&schema["items"], &format!("{path}[]"), found)),
        "object" => match schema.get("additionalProperties").and_then(Value::as_object).map(wrap) {
            Some(values) => format!("map of {}", kind(&values, &format!("{path}.*"), found)),
            None => "map".into(),
        },
        other => other.to_owned(),
    }
}

fn wrap(map: &Map<String, Value>) -> Value {
    Value::Object(map.clone())
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}

fn name_of(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
