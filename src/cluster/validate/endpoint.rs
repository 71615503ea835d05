//! How the API server is reached.

use super::{Problems, roles};
use crate::cluster::{CONTROL_PLANE, ClusterSpec, names};
use crate::yaml::{Path, Problem};

pub fn check(spec: &ClusterSpec, problems: &mut Problems) {
    let all = Path::of("spec.controlPlaneEndpoint");
    let endpoint = &spec.control_plane_endpoint;
    let balancer = endpoint.internal_loadbalancer.as_str();
    problems.one_of(all.key("internalLoadbalancer"), balancer, &["", "haproxy", "kube-vip"]);
    problems.one_of(all.key("kubevip").key("mode"), &endpoint.kubevip.mode, &["ARP", "BGP"]);
    problems.port(all.key("port"), endpoint.port);
    if !names::is_dns_name(&endpoint.domain) {
        problems.add(all.key("domain"), format!("{:?} cannot be the name of the endpoint", endpoint.domain));
    }

    let address = all.key("address");
    if !endpoint.address.is_empty() && !names::is_host(&endpoint.address) {
        problems.add(address, format!("{:?} is neither an address nor a host name", endpoint.address));
    } else if balancer == "haproxy" && !endpoint.address.is_empty() {
        let message = "internalLoadbalancer: haproxy needs no address, and here is one";
        let hint = "with haproxy, every host reaches the API servers through itself; leave address empty, or leave \
                    internalLoadbalancer empty and use the load balancer at that address";
        problems.push(Problem::new(address, message).hint(hint));
    } else if balancer == "kube-vip" && endpoint.address.is_empty() {
        let message = "internalLoadbalancer: kube-vip needs the virtual address in address";
        problems.add(all.key("internalLoadbalancer"), message);
    } else if endpoint.external_dns && !endpoint.address.is_empty() {
        let message = "with externalDNS: true the site's DNS knows the endpoint's address, and here is another";
        problems.push(Problem::new(address, message).hint("leave address empty"));
    }

    let control_planes = roles::members(spec, CONTROL_PLANE).len();
    let balanced = !balancer.is_empty() || !endpoint.address.is_empty() || endpoint.external_dns;
    if control_planes > 1 && !balanced {
        let message = format!("{control_planes} control planes need a load balancer in front of them");
        let hint = "set internalLoadbalancer: haproxy, or address to that of a load balancer of the site";
        problems.push(Problem::new(all, message).hint(hint));
    }
}
