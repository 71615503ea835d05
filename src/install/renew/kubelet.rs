//! Kubelets. While its certificate is valid, a kubelet has it renewed by itself; once it has run out, no API server
//! believes the kubelet any more. So the operator signs a new one, with the authority's key.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{Due, Renewal};
use crate::cluster::Host;
use crate::host::Step;
use crate::host::part::{Part, Symlink};
use crate::install::certs::on_hosts::{KUBELET, KUBELET_SERVING, KUBELET_SIGNED};
use crate::install::certs::{Name, Pair};
use crate::install::started::unit_began;

/// Names of files that kk placed, and not the kubelet itself.
const OURS: &str = "/var/lib/kubelet/pki/kubelet-client-kk-";
const CONF: &str = "/etc/kubernetes/kubelet.conf";

/// What is due on the node, and a kubelet that uses it.
pub fn renew(renewal: &Renewal, host: &Host) -> Step {
    let due = renewal.due_on(&host.name);
    let mut parts = Vec::new();
    if let Some(pair) = renewal.kubelets.get(&host.name)
        && due.iter().any(|due| due.name == Name::Kubelet)
    {
        parts.extend(client(pair, renewal.stamp));
    }
    parts.push(restart());
    parts.extend(due.iter().filter(|due| due.path == KUBELET_SERVING).map(serving));
    Step::new("renew/kubelet", "Renew the certificates of the kubelet", parts)
}

/// As the kubelet itself keeps it: key and certificate in one file, and a link to the newest.
fn client(pair: &Pair, stamp: &str) -> Vec<Part> {
    let file = format!("{OURS}{stamp}.pem");
    let both = SecretString::from(format!("{}{}", pair.certificate, pair.key.expose_secret()));
    vec![
        Part::secret_file(file.clone(), both),
        Part::Symlink(Symlink { path: KUBELET.into(), target: file }),
        Part::command(
            "Lead kubelet.conf to the kubelet's certificate",
            format!("! grep -qE '^ *client-(certificate|key)-data:' {CONF}"),
            format!(
                "sed -i -E 's|^( *)client-certificate-data:.*|\\1client-certificate: {KUBELET}|; \
                 s|^( *)client-key-data:.*|\\1client-key: {KUBELET}|' {CONF}"
            ),
        ),
    ]
}

/// What the kubelet placed itself it uses already, though the file is newer than its process.
fn restart() -> Part {
    let part = Part::command(
        "Restart kubelet where it began before its certificate was placed",
        format!(
            "{}case $(readlink {KUBELET}) in\n\
             {OURS}*) [ \"$kk_began\" -ge \"$(stat -L -c %Y {KUBELET})\" ] || exit 1 ;;\nesac\n",
            unit_began("kubelet.service")
        ),
        "systemctl reset-failed kubelet.service 2>/dev/null || :\nsystemctl restart kubelet.service",
    );
    part.settling(Duration::from_secs(60))
}

/// The kubelet signs itself a new one when it begins and there is none.
fn serving(due: &Due) -> Part {
    let part = Part::command(
        "Let the kubelet make a new serving certificate",
        // Where the cluster signs it (`serverTLSBootstrap`), the kubelet makes none of its own in the place of an old one.
        format!("{{ [ -e {KUBELET_SIGNED} ] && [ ! -e {KUBELET_SERVING} ]; }} || {{ {}; }}", due.is_replaced()),
        format!("rm -f {KUBELET_SERVING} /var/lib/kubelet/pki/kubelet.key\nsystemctl restart kubelet.service"),
    );
    part.settling(Duration::from_secs(60))
}
