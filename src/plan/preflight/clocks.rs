//! Whether the clocks agree: certificates are made by the operator's clock, and etcd's members compare theirs.

use super::{Finding, Look, Severity};

/// Seconds of difference that somebody should know of.
const NOTICE: f64 = 5.0;
/// Seconds of difference that break leases and certificates.
const REFUSE: f64 = 30.0;

pub(super) fn check(looks: &[Look], findings: &mut Vec<Finding>) {
    let known: Vec<(&Look, f64)> = looks.iter().filter_map(|look| Some((look, look.facts.clock_ahead?))).collect();
    let least = known.iter().map(|(_, ahead)| *ahead).fold(f64::INFINITY, f64::min);
    let most = known.iter().map(|(_, ahead)| *ahead).fold(f64::NEG_INFINITY, f64::max);
    // Where all hosts agree with each other, it is this machine's clock that is wrong.
    if known.len() > 1 && most - least <= NOTICE && (least > NOTICE || most < -NOTICE) {
        let middle = (least + most) / 2.0;
        findings.push(Finding {
            host: None,
            check: "clock",
            severity: severity(middle),
            message: format!("all hosts agree that the clock of this machine is {}", difference(-middle)),
            hint: Some("Set this machine's clock; certificates that it makes are valid by its clock.".into()),
        });
        return;
    }
    for (look, ahead) in known.into_iter().filter(|(_, ahead)| ahead.abs() > NOTICE) {
        findings.push(look.finding(
            "clock",
            severity(ahead),
            format!("its clock is {}{} this machine's", difference(ahead), if ahead > 0.0 { " of" } else { "" }),
            "Set the clock, and let chrony or systemd-timesyncd keep it by a time server of the site.",
        ));
    }
}

fn severity(ahead: f64) -> Severity {
    match ahead.abs() > REFUSE {
        true => Severity::Error,
        false => Severity::Warning,
    }
}

/// `1 h 0 min 3 s ahead`.
fn difference(ahead: f64) -> String {
    let seconds = ahead.abs().round() as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let text = match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    };
    format!("{text} {}", if ahead < 0.0 { "behind" } else { "ahead" })
}
