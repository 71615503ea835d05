use crate::bundle::Inventory;
use crate::cluster::Cluster;
use crate::host::facts::Facts;
use std::collections::BTreeMap;
#[derive(PartialEq)]
pub enum Severity {
    Error,
    Warning,
}
pub struct Finding {
    pub severity: Severity,
    pub hint: Option<String>,
}
impl std::fmt::Display for Finding {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}
pub struct Needs;
impl Needs {
    pub fn of(_c: &Cluster, _i: &Inventory) -> Self {
        Needs
    }
}
pub fn check(_c: &Cluster, _f: &BTreeMap<String, Facts>, _n: &Needs) -> Vec<Finding> {
    Vec::new()
}
