//! Nodes that are emptied for a while and then take pods again. What kk has cordoned bears a mark, so that a node which
//! somebody else has cordoned stays so.

use std::time::Duration;

use super::kubernetes::KUBECTL;
use super::nodes;
use crate::host::Step;
use crate::host::part::Part;

/// How long an API server that begins may refuse what it is asked.
const PATIENCE: Duration = Duration::from_secs(60);
/// An annotation of nodes that kk has cordoned, as long as they are.
pub const MARK: &str = "kk.dev/cordoned-for";

/// Empties a node, unless its kubelet is of this release already.
pub fn empty(node: &str, version: &str, limit: Duration, force: bool) -> Step {
    let done = format!("[ \"$({})\" = {version} ]", field(node, "{.status.nodeInfo.kubeletVersion}"));
    let mut step = nodes::drain(node, limit, force);
    for part in &mut step.parts {
        if let Part::Command(command) = part {
            command.check = format!("if {done}; then exit 0; fi\n{}", command.check);
        }
    }
    if let Some(Part::Command(cordon)) = step.parts.first_mut() {
        // Both at once: a mark on a node that takes pods would later be taken for one on a node that somebody else has
        // cordoned.
        cordon.apply = patch(node, "\"upgrade\"", "true");
    }
    for part in &mut step.parts {
        if let Part::Command(command) = part {
            command.apply = patiently(&command.apply);
            command.settle = command.settle.max(PATIENCE);
        }
    }
    step.id = "upgrade/drain".into();
    step.about(node)
}

/// The node's kubelet is of this release and ready, and the node takes pods again if it was kk that kept them away.
pub fn back(node: &str, version: &str) -> Step {
    let ready = Part::wait(
        format!("Wait until {node} is ready with {version}"),
        format!(
            "[ \"$({})\" = '{version} True' ]",
            field(node, "{.status.nodeInfo.kubeletVersion} {.status.conditions[?(@.type==\"Ready\")].status}")
        ),
        Duration::from_secs(300),
    );
    Step::new("upgrade/back", format!("Let {node} take pods again"), vec![ready, uncordon(node)]).about(node)
}

/// A node that was emptied for nothing takes pods again, and so does one that is ready with this release. One that has the
/// release and is not ready is left alone.
pub fn put_back(node: &str, version: &str) -> Step {
    let mut part = uncordon(node);
    if let Part::Command(command) = &mut part {
        let state = field(node, "{.status.nodeInfo.kubeletVersion} {.status.conditions[?(@.type==\"Ready\")].status}");
        command.check =
            format!("case $({state}) in '{version} True') ;; '{version} '*) exit 0 ;; esac\n{}", command.check);
    }
    Step::new("upgrade/put-back", format!("Put {node} back"), vec![part]).about(node)
}

fn uncordon(node: &str) -> Part {
    let mark = MARK.replace('.', "\\.");
    Part::command(
        format!("Let {node} take pods again"),
        format!("[ -z \"$({})\" ]", field(node, &format!("{{.metadata.annotations.{mark}}}"))),
        patiently(&format!("{}\nrm -f {}", patch(node, "null", "null"), nodes::drained(node))),
    )
    .settling(PATIENCE)
}

/// Sets kk's mark of a node and whether it takes no pods, at once; both as JSON.
fn patch(node: &str, mark: &str, unschedulable: &str) -> String {
    format!(
        "{KUBECTL} patch node {node} -p '{{\"metadata\":{{\"annotations\":{{\"{MARK}\":{mark}}}}},\"spec\":{{\"unschedulable\":{unschedulable}}}}}' >/dev/null"
    )
}

/// The same, tried again for half a minute where it fails at once. A kubelet of another minor starts the static pods anew
/// some seconds after it has itself become ready, and an API server that begins refuses even its administrator for a
/// moment. What fails late, such as a node that cannot be emptied, is not tried again.
pub fn patiently(text: &str) -> String {
    format!(
        "set +e\ntries=0\nwhile :; do\nbegan=$(date +%s)\n(\nset -e\n{text}\n)\nstatus=$?\n\
         [ $status -ne 0 ] || exit 0\ntries=$((tries + 1))\n\
         if [ $tries -ge 7 ] || [ $(($(date +%s) - began)) -gt 20 ]; then exit $status; fi\nsleep 5\ndone"
    )
}

/// A question whose failure is no empty answer: the check fails then.
fn field(node: &str, path: &str) -> String {
    format!("{KUBECTL} get node {node} -o 'jsonpath={path}' || echo '?'")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn mark_and_cordon_are_one_patch() {
        let drain = Duration::from_secs(60);
        let Part::Command(cordon) = &empty("node4", "v1.36.3", drain, false).parts[0] else { panic!("a command") };
        let marked = r#"patch node node4 -p '{"metadata":{"annotations":{"kk.dev/cordoned-for":"upgrade"}},"spec":{"unschedulable":true}}'"#;
        assert!(cordon.apply.contains(marked), "{}", cordon.apply);
        let Part::Command(uncordon) = uncordon("node4") else { panic!("a command") };
        let unmarked = r#"patch node node4 -p '{"metadata":{"annotations":{"kk.dev/cordoned-for":null}},"spec":{"unschedulable":null}}'"#;
        assert!(uncordon.apply.contains(unmarked), "{}", uncordon.apply);
    }

    #[test]
    fn what_fails_is_tried_again_and_stops_at_its_first_failing_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tries");
        let text = format!("echo x >> {0}\n[ $(wc -l < {0}) -ge 2 ]\necho done >> {0}", file.display());
        // The pause is not what is tested.
        let script = patiently(&text).replace("sleep 5", ":");
        let status = Command::new("sh").args(["-e", "-c", &script]).status().unwrap();
        assert!(status.success());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "x\nx\ndone\n");
        let script = patiently("exit 3").replace("sleep 5", ":");
        assert_eq!(Command::new("sh").args(["-e", "-c", &script]).status().unwrap().code(), Some(3));
    }
}
