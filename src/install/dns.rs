//! Name resolution in the cluster where the site has none of its own.

use super::kubernetes::KUBECTL;
use crate::host::Step;
use crate::host::part::Part;

/// kubeadm lets CoreDNS forward what is not the cluster's to the host's name servers. Inside a gap there may be none,
/// and CoreDNS refuses to start with a list that is empty: the forwarding is taken out there.
pub fn without_upstream() -> Step {
    let corefile = "-n kube-system configmap/coredns -o 'jsonpath={.data.Corefile}'";
    Step::new(
        "network/dns",
        "Fit CoreDNS to the site",
        vec![Part::command(
            "Let CoreDNS forward only where there is a name server",
            format!("grep -q '^nameserver' /etc/resolv.conf || ! {KUBECTL} get {corefile} | grep -q '^ *forward '"),
            format!(
                "{KUBECTL} get -n kube-system configmap/coredns -o yaml > /run/kk/coredns.yaml\n\
                 awk '/^ *forward [^{{]*$/ {{ next }} /^ *forward .*{{/ {{ skip = 1 }} !skip {{ print }} skip && /}}/ {{ skip = 0 }}' \
                 /run/kk/coredns.yaml > /run/kk/coredns-fitted.yaml\n\
                 {KUBECTL} replace -f /run/kk/coredns-fitted.yaml\n\
                 rm -f /run/kk/coredns.yaml /run/kk/coredns-fitted.yaml\n\
                 {KUBECTL} -n kube-system rollout restart deployment/coredns"
            ),
        )],
    )
}
