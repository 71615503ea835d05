//! What is installed once the cluster stands: addons, storage, KubeSphere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CustomScript;

/// A chart or a set of manifests.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Addon {
    pub name: String,
    pub namespace: String,
    pub pre_install: Vec<CustomScript>,
    pub post_install: Vec<CustomScript>,
    pub sources: AddonSources,
    pub retries: u32,
    /// Seconds.
    pub delay: u32,
}

/// Where an addon comes from.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AddonSources {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yaml: Option<YamlSource>,
}

/// A Helm chart.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ChartSource {
    pub name: String,
    pub repo: String,
    pub path: String,
    pub version: String,
    pub values_file: String,
    pub values: Value,
    pub wait: bool,
}

/// Plain manifests.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct YamlSource {
    pub path: Vec<String>,
    pub values: Value,
}

/// Storage classes.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Storage {
    pub openebs: Openebs,
}

/// Local volumes by OpenEBS.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Openebs {
    pub base_path: String,
}

impl Default for Openebs {
    fn default() -> Self {
        Self { base_path: "/var/openebs/local".into() }
    }
}

/// KubeSphere, which KubeKey installs.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Kubesphere {
    pub enabled: bool,
    pub version: String,
    pub configurations: Value,
}
