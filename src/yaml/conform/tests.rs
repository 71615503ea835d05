use serde_json::json;

use super::*;
use crate::yaml::parse;

fn read(text: &str) -> (Value, Vec<String>) {
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string"},
            "port": {"type": "integer", "format": "uint16"},
            "limit": {"type": ["integer", "null"], "format": "int64"},
            "on": {"type": "boolean"},
            "password": {"type": ["string", "null"], "writeOnly": true},
            "inner": {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]},
            "list": {"type": "array", "items": {"type": "string"}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "free": {"type": "object", "additionalProperties": true},
        },
        "required": ["name"],
        "$defs": {"Inner": {"type": "object", "properties": {"proxyMode": {"type": "string"}},
            "additionalProperties": false}},
    });
    let stream = parse::parse(text).unwrap_or_else(|fault| panic!("{}", fault.message));
    let conformed = conform(&stream.documents[0], &schema);
    let found = conformed.found.iter().map(|found| {
        let hint = found.problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}:{} {}{hint}", found.at.line, found.at.column, found.problem.message)
    });
    (conformed.value, found.collect())
}

#[test]
fn text_is_kept_to_the_letter_and_emptiness_is_a_default() {
    let (value, found) = read(
        "name: 1.30\nport: 22\nlimit: -1\non: yes\nlist: [0123, no, 1e3]\nlabels: {a: 012, b: }\n\
         inner:\npassword: ~\nfree: {a: yes, b: \"yes\", c: 0644, d: [1.5, null]}\n",
    );
    assert_eq!(found, Vec::<String>::new());
    let expected = json!({
        "name": "1.30", "port": 22, "limit": -1, "on": true, "list": ["0123", "no", "1e3"],
        "labels": {"a": "012", "b": ""},
        "free": {"a": true, "b": "yes", "c": 420, "d": [1.5, null]},
    });
    assert_eq!(value, expected);
}

#[test]
fn every_problem_is_found_and_the_rest_is_kept() {
    let (value, found) = read(
        "port: 1_000\non: \"true\"\nlimit: 99999999999999999999\nlist:\n  - a\n  -\n  - [b]\n\
         labels: []\nproxyMode: ipvs\nnam: x\ninner: {proxymode: x}\n",
    );
    insta::assert_snapshot!(found.join("\n"), @r#"
    1:7 port must be a whole number, not the text "1_000"
    2:5 on must be true or false, not the text "true" (remove the quotes)
    3:8 limit must lie between -9223372036854775808 and 9223372036854775807, and is 99999999999999999999
    6:4 list[1] is empty
    7:5 list[2] must be text, not a list
    8:9 labels must be keys with values, not a list
    9:1 unknown key "proxyMode" ("proxyMode" is a key of inner)
    10:1 unknown key "nam" (did you mean "name"?)
    11:9 unknown key "proxymode" in inner (did you mean "proxyMode"?)
    1:1 the key "name" is missing
    "#);
    assert_eq!(value, json!({"list": ["a", "", ""], "inner": {}, "name": ""}));
}

#[test]
fn what_may_be_a_secret_is_not_shown() {
    for text in [
        "{name: x, password: pa,Zwei}",
        "{name: x, password: pa, Zwei}",
        "{name: x, password Zwei}",
        "name: x\npassword Zwei: 1",
        "name: x\nport: {Zwei}",
        "name: x\npassword: [Zwei]",
        "name: x\npassword: {Zwei: 1}",
    ] {
        let (_, found) = read(text);
        assert!(!found.is_empty() && !found.join("").contains("Zwei"), "{text}: {found:?}");
    }
}
