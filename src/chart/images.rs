//! The images that Kubernetes objects ask for, found in their YAML.
//!
//! What runs names its images in many places: containers of every workload kind, custom resources, arguments and
//! variables by which one program tells another what to start. What is written where images belong is certain; what
//! only looks like an image, in a ConfigMap say, is told apart as possible.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::image::Reference;

/// Values in values, at most; Kubernetes' own objects have about twenty.
const DEEPEST: usize = 64;
/// Longer texts are no references (distribution project, `NameTotalLengthMax` and a digest).
const LONGEST: usize = 400;

/// An image that an object names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub image: Reference,
    /// `Deployment kube-system/coredns`, and the field where it is not a container's.
    pub place: String,
    /// Whether it will be asked for; else it may be.
    pub certain: bool,
}

/// The images of a stream of YAML documents, sorted, and what of it could not be read, a line each.
///
/// Documents are read one by one, so that one which is wrong hides no other.
pub fn in_yaml(text: &str) -> (BTreeSet<Named>, Vec<String>) {
    let mut found = BTreeSet::new();
    let mut faults = Vec::new();
    for (index, document) in documents(text).into_iter().enumerate() {
        match serde_saphyr::from_str::<Value>(&document) {
            Ok(value) => in_object(&value, &mut found),
            Err(_) if document.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) => {}
            Err(error) => {
                let reason = super::archive::first_line(&error.to_string());
                faults.push(format!("document {} cannot be read: {reason}", index + 1));
            }
        }
    }
    (found, faults)
}

/// The documents of a stream: a line that begins with `---` starts one (YAML 1.2, section 9.1.2).
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        match line.strip_prefix("---") {
            Some(rest) if rest.is_empty() || rest.starts_with([' ', '\t', '\r']) => {
                documents.push(format!("{}\n", rest.trim_start()));
            }
            _ => {
                if let Some(last) = documents.last_mut() {
                    last.push_str(line);
                    last.push('\n');
                }
            }
        }
    }
    documents
}

/// The images that one object names; of a list, those of each of its objects.
fn in_object(object: &Value, found: &mut BTreeSet<Named>) {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text(object, "kind");
    if let Some(items) = object.get("items").and_then(Value::as_array).filter(|_| kind.ends_with("List")) {
        items.iter().for_each(|item| in_object(item, found));
        return;
    }
    let metadata = object.get("metadata").unwrap_or(&Value::Null);
    let (namespace, name) = (text(metadata, "namespace"), text(metadata, "name"));
    let name = if namespace.is_empty() { name } else { format!("{namespace}/{name}") };
    let hook = metadata.get("annotations").map(|all| text(all, "helm.sh/hook")).unwrap_or_default();
    let mut search = Search {
        object: format!("{kind} {name}").trim().to_owned(),
        // Only `helm test` runs these.
        certain: !hook.split(',').any(|one| one.trim().starts_with("test")),
        found,
    };
    match kind.as_str() {
        // Descriptions of fields, not fields; and what nobody wants to see quoted.
        "CustomResourceDefinition" | "Secret" => {}
        "ConfigMap" => {
            for (key, value) in object.get("data").and_then(Value::as_object).into_iter().flatten() {
                search.free_text(key, value.as_str().unwrap_or_default());
            }
        }
        _ => search.value(object, 0),
    }
}

/// The search through one object.
struct Search<'a> {
    object: String,
    certain: bool,
    found: &'a mut BTreeSet<Named>,
}

impl Search<'_> {
    fn add(&mut self, image: Reference, field: &str, certain: bool) {
        let place = if field.is_empty() { self.object.clone() } else { format!("{}, {field}", self.object) };
        self.found.insert(Named { image, place, certain: certain && self.certain });
    }

    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            _ if depth > DEEPEST => {}
            Value::Array(items) => items.iter().for_each(|item| self.value(item, depth + 1)),
            Value::Object(fields) => self.fields(fields, depth),
            _ => {}
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>, depth: usize) {
        if let Some(image) = in_parts(fields) {
            self.add(image, "repository and tag", true);
        }
        for (key, value) in fields {
            match (key.as_str(), value) {
                ("containers" | "initContainers" | "ephemeralContainers", Value::Array(containers)) => {
                    containers.iter().for_each(|container| self.container(container, depth));
                }
                // An image that is mounted as a volume has its reference there (PodSpec, `volumes[].image`).
                ("image", Value::Object(image)) => {
                    if let Some(reference) = image.get("reference").and_then(Value::as_str).and_then(plausible) {
                        self.add(reference, "image.reference", true);
                    }
                    self.fields(image, depth + 1);
                }
                ("image", Value::String(text)) => match (plausible(text), text.parse::<Reference>()) {
                    (Some(image), _) => self.add(image, "", true),
                    (None, Ok(image)) => self.add(image, "image", false),
                    _ => {}
                },
                (key, Value::String(text)) if is_about_images(key) => {
                    if let Some(image) = plausible(text) {
                        self.add(image, key, is_strong(text));
                    }
                }
                ("args" | "command", Value::Array(words)) => self.arguments(words),
                _ => self.value(value, depth + 1),
            }
        }
    }

    fn container(&mut self, container: &Value, depth: usize) {
        if let Some(image) = container.get("image").and_then(Value::as_str).and_then(|text| text.parse().ok()) {
            self.add(image, "", true);
        }
        for key in ["args", "command"] {
            self.arguments(container.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default());
        }
        for variable in container.get("env").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| variable.get(key).and_then(Value::as_str).unwrap_or_default();
            self.setting(text("name"), text("value"));
        }
        // Whatever else an operator's own container has.
        let known = ["image", "args", "command", "env"];
        for (key, value) in container.as_object().into_iter().flatten() {
            if !known.contains(&key.as_str()) {
                self.value(value, depth + 1);
            }
        }
    }

    /// `--foo-image=REFERENCE`, `--foo-image REFERENCE`, or a reference alone; also in the lines of a script.
    fn arguments(&mut self, words: &[Value]) {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).flat_map(str::split_whitespace).collect();
        for (at, word) in words.iter().enumerate() {
            let word = word.trim_matches(['"', '\'', ';', ',']);
            match word.split_once('=') {
                Some((flag, value)) => self.setting(flag, value.trim_matches(['"', '\''])),
                None => {
                    let before = at.checked_sub(1).and_then(|before| words.get(before)).copied().unwrap_or_default();
                    self.setting(before, word);
                }
            }
        }
    }

    /// What an argument or a variable is set to.
    fn setting(&mut self, name: &str, value: &str) {
        if let Some(image) = plausible(value) {
            let strong = is_strong(value);
            if strong || is_about_images(name) {
                self.add(image, name.trim_start_matches('-'), strong || is_about_images(name) && value.contains(':'));
            }
        }
    }

    /// Settings as text: only what is unmistakable, and only as possible.
    fn free_text(&mut self, key: &str, text: &str) {
        let apart = |letter: char| letter.is_whitespace() || "\"'`,;=()[]{}<>|".contains(letter);
        for word in text.split(apart) {
            let word = word.trim_end_matches(['.', ':']);
            if is_strong(word)
                && let Some(image) = plausible(word)
            {
                self.add(image, key, false);
            }
        }
    }
}

/// `repository` with `tag` or `digest`, as charts and custom resources write an image; `registry` may stand apart.
pub(super) fn in_parts(fields: &Map<String, Value>) -> Option<Reference> {
    let text = |key: &str| match fields.get(key) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let (tag, digest) = (text("tag"), text("digest"));
    if tag.is_empty() && digest.is_empty() {
        return None;
    }
    whole(&text("registry"), &text("repository"), &tag, &digest)
}

/// A reference from its parts.
pub(super) fn whole(registry: &str, repository: &str, tag: &str, digest: &str) -> Option<Reference> {
    let mut image = String::new();
    if !registry.is_empty() {
        image += &format!("{}/", registry.trim_end_matches('/'));
    }
    image += repository;
    if !tag.is_empty() {
        image += &format!(":{tag}");
    }
    if !digest.is_empty() {
        image += &format!("@{digest}");
    }
    (!repository.is_empty() && image.len() <= LONGEST).then(|| image.parse().ok()).flatten()
}

/// Whether a name says that it names an image; not what merely goes with one (`imagePullPolicy`).
fn is_about_images(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("image") && !name.contains("pullpolicy") && !name.contains("pull-policy") && !name.contains("secret")
}

/// A reference with something that tells it from a plain word: a slash, a tag or a digest.
pub(super) fn plausible(text: &str) -> Option<Reference> {
    let text = text.trim();
    let telling = text.contains(['/', ':', '@']) && text.len() <= LONGEST && !text.starts_with(['/', '.', '-']);
    telling.then(|| text.parse().ok()).flatten()
}

/// A reference that can hardly be anything else: with a registry's host name, a path, and a tag or a digest.
fn is_strong(text: &str) -> bool {
    let Some((host, path)) = text.split_once('/') else { return false };
    let named = host.contains('.') && host.contains(|letter: char| letter.is_ascii_alphabetic()) || host == "localhost";
    let pinned = path.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
    // host:port/path:tag, where the tag is a port, is an address of something else.
    named && pinned && plausible(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(yaml: &str) -> String {
        let (found, faults) = in_yaml(yaml);
        let mut lines: Vec<String> = found
            .into_iter()
            .map(|one| format!("{} {} ({})", if one.certain { "+" } else { "?" }, one.image, one.place))
            .collect();
        lines.extend(faults);
        lines.join("\n")
    }

    #[test]
    fn every_workload_kind_is_looked_into() {
        insta::assert_snapshot!(shown("
# a comment alone
---
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      initContainers: [{name: init, image: busybox}]
      containers:
        - name: app
          image: registry.example.org:5000/shop/web@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
          imagePullPolicy: Always
      volumes: [{name: model, image: {reference: quay.io/models/small:1}}]
--- # with a note
kind: CronJob
metadata: {name: nightly}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: 'quay.io/a/b:1'}]}}}}}
---
kind: Pod
metadata: {name: debugged}
spec: {containers: [], ephemeralContainers: [{name: shell, image: alpine:3}]}
---
apiVersion: v1
kind: List
items:
  - {kind: DaemonSet, metadata: {name: agent}, spec: {template: {spec: {containers: [{image: 'ghcr.io/x/agent:2'}]}}}}
---
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: 'pre-upgrade,post-install'}}
spec: {template: {spec: {containers: [{image: 'ghcr.io/x/migrate:2'}]}}}
---
kind: Pod
metadata: {name: test, annotations: {helm.sh/hook: test-success}}
spec: {containers: [{image: 'ghcr.io/x/test:2'}]}
"), @"
        + docker.io/library/alpine:3 (Pod debugged)
        + docker.io/library/busybox:latest (Deployment shop/web)
        + ghcr.io/x/agent:2 (DaemonSet agent)
        + ghcr.io/x/migrate:2 (Job migrate)
        ? ghcr.io/x/test:2 (Pod test)
        + quay.io/a/b:1 (CronJob nightly)
        + quay.io/models/small:1 (Deployment shop/web, image.reference)
        + registry.example.org:5000/shop/web@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 (Deployment shop/web)
        ");
    }

    #[test]
    fn operators_are_told_their_images_in_many_ways() {
        insta::assert_snapshot!(shown("
kind: Deployment
metadata: {name: operator}
spec:
  template:
    spec:
      containers:
        - image: quay.io/op/operator:v1
          command: [/bin/sh, -c, 'exec operator --helper-image=quay.io/op/helper:v1 --listen=0.0.0.0:8080']
          args:
            - --prometheus-config-reloader=quay.io/op/reloader:v1
            - --sidecar-image
            - docker.io/op/sidecar:v1
            - --log=stdout:info
            - --url=https://example.org/x:1
            - --leader-election-namespace=shop/web
          env:
            - {name: RELATED_IMAGE_DB, value: 'docker.io/op/db:v1'}
            - {name: PROXY_IMAGE, value: 'op/proxy:v1'}
            - {name: BASE_IMAGE, value: op/base}
            - {name: ADDRESS, value: 'db:5432'}
---
kind: Prometheus
metadata: {name: main, namespace: mon}
spec:
  image: quay.io/prometheus/prometheus:v3
  baseImage: quay.io/prometheus/prometheus
  alerting: {image: {registry: quay.io, repository: prometheus/alertmanager, tag: 0.28}}
  thanos: {image: thanos}
  imagePullSecrets: [{name: registry.example.org/x:1}]
---
kind: ConfigMap
metadata: {name: settings}
data:
  proxy: |
    image: \"docker.io/istio/proxyv2:1.2\"
    upstream: http://example.org:80/x, example.org:80
---
kind: Secret
metadata: {name: secret}
stringData: {image: 'docker.io/x/secret:1'}
---
kind: CustomResourceDefinition
metadata: {name: crd}
spec: {default: {image: 'docker.io/x/crd:1'}}
"), @"
        ? docker.io/istio/proxyv2:1.2 (ConfigMap settings, proxy)
        ? docker.io/library/thanos:latest (Prometheus mon/main, image)
        ? docker.io/op/base:latest (Deployment operator, BASE_IMAGE)
        + docker.io/op/db:v1 (Deployment operator, RELATED_IMAGE_DB)
        + docker.io/op/proxy:v1 (Deployment operator, PROXY_IMAGE)
        + docker.io/op/sidecar:v1 (Deployment operator, sidecar-image)
        + quay.io/op/helper:v1 (Deployment operator, helper-image)
        + quay.io/op/operator:v1 (Deployment operator)
        + quay.io/op/reloader:v1 (Deployment operator, prometheus-config-reloader)
        + quay.io/prometheus/alertmanager:0.28 (Prometheus mon/main, repository and tag)
        ? quay.io/prometheus/prometheus:latest (Prometheus mon/main, baseImage)
        + quay.io/prometheus/prometheus:v3 (Prometheus mon/main)
        ");
    }

    #[test]
    fn one_faulty_document_hides_no_other() {
        let text = shown(
            "kind: Pod\nspec: {containers: [{image: a:1}]}\n---\n{{ broken\n---\nspec: {containers: [{image: b:1}]}\n",
        );
        assert!(text.contains("docker.io/library/a:1") && text.contains("docker.io/library/b:1"), "{text}");
        assert!(text.contains("document 2 cannot be read: "), "{text}");
        let deep = format!("a: {}{}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(shown(&deep).contains("cannot be read"));
        assert_eq!(shown(""), "");
    }
}
