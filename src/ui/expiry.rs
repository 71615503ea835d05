//! Certificates and how long they are valid, as a table.

use super::table;
use crate::plan::expiry::{Expiry, State, Used};

/// A line for each certificate, then the hosts that could not be looked at.
pub fn expiry(found: &Expiry) -> String {
    let rows = found.certificates.iter().map(|row| {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        [
            row.name.clone(),
            row.place().to_owned(),
            or_dash(row.expires.clone()),
            or_dash(row.days_left.map(|days| days.to_string())),
            state(row.state).to_owned(),
            or_dash(row.authority.clone()),
            used(row.used).to_owned(),
            row.problem.as_ref().map_or_else(|| row.file.clone(), |problem| format!("{}: {problem}", row.file)),
        ]
    });
    let unseen = found.unseen.iter().map(|unseen| {
        let mut cells = ["-"; 8].map(str::to_owned);
        (cells[1], cells[4], cells[7]) = (unseen.host.clone(), "not seen".into(), unseen.reason.clone());
        cells
    });
    let headers = ["name", "host", "expires", "days left", "state", "authority", "in use", "file"];
    table(&headers, rows.chain(unseen))
}

fn state(state: State) -> &'static str {
    match state {
        State::Valid => "valid",
        State::Expiring => "expires soon",
        State::Expired => "EXPIRED",
        State::Unreadable => "unreadable",
    }
}

fn used(used: Used) -> &'static str {
    match used {
        Used::Yes => "yes",
        Used::BeganBefore => "no, began before",
        Used::OtherShown => "no, shows another",
        Used::NotRunning => "not running",
        Used::Unknown => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::expiry::{Own, Unseen, expiry as put_together};

    #[test]
    fn a_host_that_is_not_seen_is_a_line_too() {
        let own = vec![Own { name: "etcd-ca".into(), file: "etcd-ca.crt".into(), certificate: Err("gone".into()) }];
        let mut found = put_together("sample", own, &[], 0, 0);
        found.unseen.push(Unseen { host: "node2".into(), reason: "no route".into() });
        insta::assert_snapshot!(expiry(&found), @"
        NAME     HOST            EXPIRES  DAYS LEFT  STATE       AUTHORITY  IN USE  FILE
        etcd-ca  (this machine)  -        -          unreadable  -          -       etcd-ca.crt: gone
        -        node2           -        -          not seen    -          -       no route
        ");
    }
}
