//! Snapshots by a timer: a script, a service that runs it once, and the timer that starts the service.

use serde_json::json;

use super::backup::pattern;
use super::etcdctl;
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::{Absent, Directory, Part, Unit};
use crate::host::quote;
use crate::install::{Inputs, InstallError};

const SERVICE: &str = "/etc/systemd/system/etcd-backup.service";
const TIMER: &str = "/etc/systemd/system/etcd-backup.timer";
/// KubeKey's default, which means once a night and not whenever a day has passed.
const DAILY: u32 = 1440;

/// Where the script lies.
pub(crate) fn script_path(folder: &str) -> String {
    format!("{}/etcd-backup.sh", folder.trim_end_matches('/'))
}

/// The timer runs, as often as the cluster file says; with a period of 0 there is none.
pub fn schedule(inputs: &Inputs) -> Result<Step, InstallError> {
    let etcd = &inputs.cluster.spec.etcd;
    let script = script_path(&etcd.backup_script);
    let timer = |on: bool, version: String| {
        Part::Unit(Unit {
            name: "etcd-backup.timer".into(),
            enabled: on,
            running: on,
            version,
            timeout: std::time::Duration::from_secs(60),
        })
    };
    if etcd.backup_period == 0 {
        let gone = [SERVICE, TIMER, script.as_str()].map(|path| Part::Absent(Absent { path: path.into() }));
        let parts = std::iter::once(timer(false, String::new())).chain(gone).collect();
        return Ok(Step::new("etcd/backup", "Take no snapshots of etcd by a timer", parts));
    }
    let folder = etcd.backup_dir.trim_end_matches('/');
    let text = inputs.templates.render(
        "etcd-backup.sh",
        json!({
            "folder": quote(folder),
            "cluster": quote(&inputs.cluster.name),
            "pattern": pattern(inputs.cluster),
            "keep": etcd.keep_backup_number,
            "etcdctl": etcdctl(inputs.cluster),
        }),
    )?;
    let service = inputs.templates.render("etcd-backup.service", json!({ "script": unit_word(&script) }))?;
    let units = inputs.templates.render(
        "etcd-backup.timer",
        json!({
            "period": etcd.backup_period,
            "daily": etcd.backup_period == DAILY,
            // Members need not all write at the same moment.
            "spread": (u64::from(etcd.backup_period) * 6).min(600),
        }),
    )?;
    let version = Digest::of(format!("{text}{service}{units}").as_bytes()).hex();
    let parts = vec![
        Part::Directory(Directory { path: folder.to_owned(), mode: 0o700, owner: "root".into() }),
        Part::script(&script, text),
        Part::file(SERVICE, service),
        Part::file(TIMER, units),
        timer(true, version),
    ];
    Ok(Step::new("etcd/backup", "Take snapshots of etcd by a timer", parts))
}

/// A path as one word of systemd's: specifiers and variables mean nothing in it.
fn unit_word(path: &str) -> String {
    let escaped = path.replace('\\', r"\\").replace('"', r#"\""#).replace('%', "%%").replace('$', "$$");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::install::templates::Templates;

    #[test]
    fn other_periods_than_a_day_count_from_the_last_one() {
        let templates = Templates::new(&BTreeMap::new()).unwrap();
        let timer =
            templates.render("etcd-backup.timer", json!({ "period": 30, "daily": false, "spread": 180 })).unwrap();
        insta::assert_snapshot!(timer, @"
        [Unit]
        Description=Snapshots of etcd

        [Timer]
        OnActiveSec=30min
        OnUnitActiveSec=30min
        RandomizedDelaySec=180
        AccuracySec=30s

        [Install]
        WantedBy=timers.target
        ");
    }

    #[test]
    fn a_path_is_one_word_to_systemd() {
        assert_eq!(unit_word("/usr/local/bin/x.sh"), "\"/usr/local/bin/x.sh\"");
        assert_eq!(unit_word(r#"/a b/100%/$x"\"#), r#""/a b/100%%/$$x\"\\""#);
    }
}
