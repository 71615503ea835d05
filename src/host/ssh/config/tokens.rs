//! What stands for `%h` and the like. Source: ssh_config(5), TOKENS.

/// The values; those that are not known where a text is expanded are `None`.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::host::ssh) struct Tokens<'a> {
    /// `%d`: home of the user who runs kk.
    pub home: Option<&'a str>,
    /// `%h`: the address that is connected to.
    pub host: Option<&'a str>,
    /// `%n`: what the host was called.
    pub name: Option<&'a str>,
    /// `%r`: who logs in there.
    pub remote_user: Option<&'a str>,
    /// `%u`: who runs kk.
    pub local_user: Option<&'a str>,
}

/// The text with its tokens replaced, and a leading `~/`; `None` where one of them has no value.
pub(in crate::host::ssh) fn expand(text: &str, tokens: Tokens<'_>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    if let Some(behind) = text.strip_prefix("~/") {
        out.push_str(tokens.home?);
        out.push('/');
        rest = behind;
    }
    let mut chars = rest.chars();
    while let Some(char) = chars.next() {
        if char != '%' {
            out.push(char);
            continue;
        }
        out.push_str(match chars.next()? {
            '%' => "%",
            'd' => tokens.home?,
            'h' => tokens.host?,
            'n' => tokens.name?,
            'r' => tokens.remote_user?,
            'u' => tokens.local_user?,
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let tokens = Tokens { home: Some("/home/ann"), host: Some("node1"), ..Tokens::default() };
        assert_eq!(expand("~/.ssh/id_%h", tokens).unwrap(), "/home/ann/.ssh/id_node1");
        assert_eq!(expand("%d/100%%", tokens).unwrap(), "/home/ann/100%");
        assert_eq!(expand("%h.lab", tokens).unwrap(), "node1.lab");
        for text in ["%r", "%x", "%"] {
            assert_eq!(expand(text, tokens), None, "{text}");
        }
        assert_eq!(expand("~/key", Tokens::default()), None);
    }
}
