//! The files that are rendered: embedded at build, each replaceable by a file of the same name beside the cluster file.

use std::collections::BTreeMap;

use minijinja::{
    AutoEscape, Environment, UndefinedBehavior,
    syntax::SyntaxConfig,
    value::{Serde, Value},
};
use serde::Serialize;

use super::InstallError;

/// Every template with its built-in text, sorted by name.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("10-kubeadm.conf", include_str!("../../templates/10-kubeadm.conf")),
    ("containerd.service", include_str!("../../templates/containerd.service")),
    ("crictl.yaml", include_str!("../../templates/crictl.yaml")),
    ("etcd-backup.service", include_str!("../../templates/etcd-backup.service")),
    ("etcd-backup.sh", include_str!("../../templates/etcd-backup.sh")),
    ("etcd-backup.timer", include_str!("../../templates/etcd-backup.timer")),
    ("etcd.service", include_str!("../../templates/etcd.service")),
    ("etcd.yaml", include_str!("../../templates/etcd.yaml")),
    ("flannel.yaml", include_str!("../../templates/flannel.yaml")),
    ("haproxy.cfg", include_str!("../../templates/haproxy.cfg")),
    ("haproxy.yaml", include_str!("../../templates/haproxy.yaml")),
    ("hosts.toml", include_str!("../../templates/hosts.toml")),
    ("kubelet.service", include_str!("../../templates/kubelet.service")),
    ("registry.service", include_str!("../../templates/registry.service")),
    ("registry.yaml", include_str!("../../templates/registry.yaml")),
    ("renew-certs.service", include_str!("../../templates/renew-certs.service")),
    ("renew-certs.sh", include_str!("../../templates/renew-certs.sh")),
    ("renew-certs.timer", include_str!("../../templates/renew-certs.timer")),
    ("sysctl.conf", include_str!("../../templates/sysctl.conf")),
];

/// The templates of one site.
pub struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// The built-in templates, those in `overrides` (name → text) replaced.
    ///
    /// # Errors
    /// A template of the user's that is no template, with its name and line.
    pub fn new(overrides: &BTreeMap<String, String>) -> Result<Self, InstallError> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(syntax()?);
        for (name, text) in BUILT_IN {
            let text = overrides.get(*name).cloned().unwrap_or_else(|| (*text).to_owned());
            environment
                .add_template_owned(*name, text)
                .map_err(|source| InstallError::Template { name: (*name).into(), source })?;
        }
        Ok(Self { environment })
    }

    /// Renders one template.
    pub fn render(&self, name: &str, values: impl Serialize) -> Result<String, InstallError> {
        self.environment
            .get_template(name)
            .and_then(|template| template.render(Value::from(Serde(values))))
            .map_err(|source| InstallError::Template { name: name.into(), source })
    }
}

/// Lines with only a `{% … %}` on them leave nothing behind; the last newline stays.
fn syntax() -> Result<SyntaxConfig, InstallError> {
    SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .map_err(|source| InstallError::Template { name: "syntax".into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_one() {
        assert!(Templates::new(&BTreeMap::new()).is_ok());
    }

    #[test]
    fn a_broken_override_is_named() {
        let overrides = BTreeMap::from([("haproxy.cfg".to_owned(), "{{ open".to_owned())]);
        let error = Templates::new(&overrides).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("template haproxy.cfg cannot be rendered"));
    }

    #[test]
    fn a_value_that_is_missing_is_an_error_and_not_nothing() {
        let templates = Templates::new(&BTreeMap::new()).unwrap();
        assert!(templates.render("haproxy.cfg", serde_json::json!({})).is_err());
    }
}
