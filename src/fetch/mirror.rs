//! Mirrors: other places for downloads and images, on the connected side.
//!
//! A rule is `HOST=URL` for one host, or `*=URL` for every host without a rule of its own. A mirror for every host
//! keeps the original host as the first part of its paths, a mirror for one host does not:
//!
//! | rule | `https://dl.k8s.io/v1.36.0/kubectl` becomes | image `registry.k8s.io/pause` becomes |
//! |---|---|---|
//! | `dl.k8s.io=https://m.example/k8s` | `https://m.example/k8s/v1.36.0/kubectl` | (another host) |
//! | `*=http://m.example:8080/all` | `http://m.example:8080/all/dl.k8s.io/v1.36.0/kubectl` | `m.example:8080/all/registry.k8s.io/pause` over HTTP |

use std::str::FromStr;

use reqwest::Url;

/// The mirrors that are in force. No rules: everything is asked for where it was published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// `None` stands for `*`.
    host: Option<String>,
    /// Without a slash at its end.
    base: String,
    url: Url,
}

/// Where an image is to be asked for instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageMirror {
    /// `host` or `host:port` of the registry.
    pub host: String,
    /// The rule's URL begins with `http://`.
    pub plain_http: bool,
    /// The repository's name in that registry.
    pub repository: String,
}

/// A mirror rule that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{rule}\" is not a mirror rule: {reason}. Write HOST=URL, or *=URL for every host")]
pub struct MirrorError {
    pub rule: String,
    pub reason: String,
}

impl MirrorRules {
    /// Reads rules from texts that each hold one or more of them, apart by spaces or commas.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, MirrorError> {
        let mut rules: Vec<Rule> = Vec::new();
        for text in texts {
            for word in
                text.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|word| !word.is_empty())
            {
                let rule: Rule = word.parse()?;
                if rules.iter().any(|other| other.host == rule.host && other.base != rule.base) {
                    return Err(MirrorError {
                        rule: word.into(),
                        reason: "the same host has another mirror already".into(),
                    });
                }
                rules.push(rule);
            }
        }
        Ok(Self { rules })
    }

    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    fn rule(&self, host: &str) -> Option<&Rule> {
        let own = self.rules.iter().find(|rule| rule.host.as_deref() == Some(host));
        own.or_else(|| self.rules.iter().find(|rule| rule.host.is_none()))
    }

    /// Where a file is to be asked for: the mirror's address for this URL, or the URL itself where no rule fits or
    /// where it is on the mirror already.
    pub fn file(&self, url: &str) -> String {
        let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
            return url.to_string();
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        match self.rule(host) {
            Some(rule) if host == rule.authority() => url.to_string(),
            Some(Rule { host: None, base, .. }) => format!("{base}/{host}/{path}"),
            Some(Rule { host: Some(_), base, .. }) => format!("{base}/{path}"),
            None => url.to_string(),
        }
    }

    /// Where an image is to be asked for, or `None` where no rule fits or where the host is the mirror itself.
    pub fn image(&self, host: &str, repository: &str) -> Option<ImageMirror> {
        let rule = self.rule(host).filter(|rule| rule.authority() != host)?;
        let prefix = rule.url.path().trim_matches('/');
        let parts = [prefix, if rule.host.is_none() { host } else { "" }, repository];
        let repository = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        // A port in the original host would end the repository's name.
        let repository = repository.replace(':', "-");
        Some(ImageMirror { host: rule.authority(), plain_http: rule.url.scheme() == "http", repository })
    }
}

impl Rule {
    fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        }
    }
}

impl FromStr for Rule {
    type Err = MirrorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A rule may hold a password by mistake, so only what stands before the URL is ever repeated.
        let shown = text.split_once('=').map_or(text, |(host, _)| host).to_string();
        let refuse = |reason: &str| MirrorError { rule: shown.clone(), reason: reason.into() };
        let (host, base) = text.split_once('=').ok_or_else(|| refuse("it has no \"=\""))?;
        if host.is_empty() || host.contains('/') {
            return Err(refuse("before the \"=\" stands a host name, with a port where it is not 443, or *"));
        }
        let url = Url::parse(base).map_err(|_| refuse("after the \"=\" stands a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(refuse("the URL begins with http:// or https:// and a host"));
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(refuse(
                "the URL is only a host and a path; credentials belong into the manifest or ~/.docker/config.json",
            ));
        }
        let host = if host == "*" { None } else { Some(host.to_string()) };
        Ok(Self { host, base: url.as_str().trim_end_matches('/').to_string(), url })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str]) -> MirrorRules {
        MirrorRules::parse(texts.iter().copied()).unwrap()
    }

    #[test]
    fn without_rules_nothing_changes() {
        let none = rules(&["", " , "]);
        assert!(none.is_empty());
        assert_eq!(none.file("https://dl.k8s.io/a?b=c"), "https://dl.k8s.io/a?b=c");
        assert_eq!(none.image("quay.io", "a/b"), None);
    }

    #[test]
    fn a_rule_for_one_host_drops_the_host() {
        let one = rules(&["dl.k8s.io=https://m.example/k8s/"]);
        assert_eq!(one.file("https://dl.k8s.io/v1/kubectl"), "https://m.example/k8s/v1/kubectl");
        assert_eq!(one.file("https://get.helm.sh/x"), "https://get.helm.sh/x");
    }

    #[test]
    fn a_rule_for_every_host_keeps_it() {
        let all = rules(&["*=http://127.0.0.1:8080", "quay.io=https://q.example/proxy,dl.k8s.io=https://m.example"]);
        assert_eq!(all.file("https://get.helm.sh/x.tgz"), "http://127.0.0.1:8080/get.helm.sh/x.tgz");
        assert_eq!(all.file("https://dl.k8s.io/v1"), "https://m.example/v1");
        assert_eq!(all.file("http://127.0.0.1:8080/get.helm.sh/x"), "http://127.0.0.1:8080/get.helm.sh/x");
        let image = all.image("registry.k8s.io", "pause").unwrap();
        let expected =
            ImageMirror { host: "127.0.0.1:8080".into(), plain_http: true, repository: "registry.k8s.io/pause".into() };
        assert_eq!(image, expected);
        let image = all.image("quay.io", "a/b").unwrap();
        assert_eq!((image.host.as_str(), image.repository.as_str()), ("q.example", "proxy/a/b"));
        assert!(!image.plain_http);
        assert_eq!(all.image("127.0.0.1:8080", "x"), None);
    }

    #[test]
    fn a_bad_rule_is_named_without_its_secrets() {
        for text in ["nonsense", "=https://x", "a/b=https://x", "a=ftp://x", "a=x", "a=https://x?y", "a=https://u:pw@x"]
        {
            let message = MirrorRules::parse([text]).unwrap_err().to_string();
            assert!(message.contains("is not a mirror rule"), "{message}");
            assert!(!message.contains("pw"), "{message}");
        }
        assert!(MirrorRules::parse(["a=https://x a=https://y"]).is_err());
    }
}
