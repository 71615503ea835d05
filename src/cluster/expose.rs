//! How secrets of a file are shown: not at all.

use secrecy::SecretString;
use serde::Serializer;
use serde_json::Value;

/// What stands in place of a secret wherever a file is shown.
pub const HIDDEN: &str = "********";

/// Serialises a secret as [`HIDDEN`].
pub fn hidden<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => serializer.serialize_str(HIDDEN),
        None => serializer.serialize_none(),
    }
}

/// Hides what is probably a secret where users write what they like: values below keys such as `password`, flags such
/// as `oidc-client-secret=…`, and passwords inside URLs.
pub fn hide(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if !text.is_empty() && names_secret(key) => HIDDEN.clone_into(text),
                    _ => hide(value),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                if let Value::String(text) = item
                    && let Some((flag, _)) = text.split_once('=')
                    && names_secret(flag)
                {
                    *text = format!("{flag}={HIDDEN}");
                }
                hide(item);
            }
        }
        Value::String(text) => hide_in_urls(text),
        _ => {}
    }
}

/// Whether what has this name is probably a secret itself, and not the path of one.
pub fn names_secret(name: &str) -> bool {
    const SECRET: [&str; 7] = ["password", "passwd", "passphrase", "secret", "token", "privatekey", "credential"];
    const PLACE: [&str; 5] = ["path", "file", "dir", "name", "ttl"];
    let name: String = name.to_lowercase().chars().filter(|character| !matches!(character, '-' | '_')).collect();
    SECRET.iter().any(|word| name.contains(word)) && !PLACE.iter().any(|word| name.ends_with(word))
}

/// `https://user:secret@host` without the secret.
pub fn hide_in_urls(text: &mut String) {
    let mut shown = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after.find(|character: char| character == '/' || character.is_whitespace()).unwrap_or(after.len());
        let (authority, behind) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((user, host)) if user.contains(':') => {
                let user = user.split(':').next().unwrap_or_default();
                shown.push_str(&format!("{user}:{HIDDEN}@{host}"));
            }
            _ => shown.push_str(authority),
        }
        rest = behind;
    }
    shown.push_str(rest);
    *text = shown;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_of_free_fields_are_hidden_and_the_rest_is_not() {
        let mut value = json!({
            "jwtSecret": "x",
            "adminPassword": "",
            "keyFile": "/etc/key",
            "tokenFile": "/etc/token",
            "enableTokens": true,
            "args": ["oidc-client-secret=x", "v=2", "token-auth-file=/etc/tokens"],
            "deep": [{"client_secret": "x"}],
            "proxy": "curl http://user:x:y@proxy:3128/a http://open/b@c",
        });
        hide(&mut value);
        let expected = json!({
            "jwtSecret": HIDDEN,
            "adminPassword": "",
            "keyFile": "/etc/key",
            "tokenFile": "/etc/token",
            "enableTokens": true,
            "args": [format!("oidc-client-secret={HIDDEN}"), "v=2", "token-auth-file=/etc/tokens"],
            "deep": [{"client_secret": HIDDEN}],
            "proxy": format!("curl http://user:{HIDDEN}@proxy:3128/a http://open/b@c"),
        });
        assert_eq!(value, expected);
    }
}
