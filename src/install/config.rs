//! Configuration documents: merging a user's settings over ours, and writing them.

use serde_json::{Map, Value};

use super::InstallError;

/// Lays `over` upon `base`: objects are merged key by key, everything else is replaced.
pub fn merge(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Several documents as one YAML stream, in a form that Kubernetes' YAML reader takes as it is meant.
pub fn yaml_stream(what: &'static str, documents: &[Value]) -> Result<String, InstallError> {
    let mut text = String::new();
    for document in documents {
        let written = serde_saphyr::to_string(document)
            .map_err(|source| InstallError::Encode { what, source: Box::new(source) })?;
        text.push_str("---\n");
        text.push_str(&written);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text)
}

/// `flag=value` texts as kubeadm's `extraArgs` (kubeadm.k8s.io/v1beta4): a list of names and values.
pub fn extra_args(args: &[String], base: &[(&str, String)]) -> Value {
    let mut pairs: Vec<(String, String)> =
        base.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    for arg in args {
        let (name, value) = arg.trim_start_matches("--").split_once('=').unwrap_or((arg.as_str(), "true"));
        pairs.retain(|(existing, _)| existing != name);
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Value::Array(pairs.into_iter().map(|(name, value)| serde_json::json!({ "name": name, "value": value })).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_of_the_user_win_key_by_key() {
        let mut base = json!({"a": {"b": 1, "c": 2}, "d": [1]}).as_object().cloned().unwrap();
        merge(&mut base, json!({"a": {"b": 3}, "d": [2], "e": null}).as_object().unwrap());
        assert_eq!(Value::Object(base), json!({"a": {"b": 3, "c": 2}, "d": [2], "e": null}));
    }

    #[test]
    fn a_users_flag_replaces_ours() {
        let args =
            extra_args(&["bind-address=127.0.0.1".into(), "--v=2".into()], &[("bind-address", "0.0.0.0".into())]);
        assert_eq!(args, json!([{"name": "bind-address", "value": "127.0.0.1"}, {"name": "v", "value": "2"}]));
    }

    #[test]
    fn text_that_reads_like_something_else_is_quoted() {
        let text = yaml_stream("test", &[json!({"a": "yes", "b": "1_000", "c": "1e3", "d": true})]).unwrap();
        insta::assert_snapshot!(text, @r#"
        ---
        a: "yes"
        b: "1_000"
        c: "1e3"
        d: true
        "#);
    }
}
