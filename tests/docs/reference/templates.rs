//! The templates that are built in: where their files go, and which values they are given.

use kk::install::templates::BUILT_IN;

use super::agree;

/// Template → the file that is made of it on hosts.
const FILES: &[(&str, &str)] = &[
    ("10-kubeadm.conf", "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"),
    ("containerd.service", "/etc/systemd/system/containerd.service"),
    ("crictl.yaml", "/etc/crictl.yaml"),
    ("etcd-backup.service", "/etc/systemd/system/etcd-backup.service"),
    ("etcd-backup.sh", "/usr/local/bin/kube-scripts/etcd-backup.sh"),
    ("etcd-backup.timer", "/etc/systemd/system/etcd-backup.timer"),
    ("etcd.service", "/etc/systemd/system/etcd.service"),
    ("etcd.yaml", "/etc/etcd/etcd.yaml"),
    ("flannel.yaml", "/etc/kubernetes/kk/flannel.yaml"),
    ("haproxy.cfg", "/etc/kubekey/haproxy/haproxy.cfg"),
    ("haproxy.yaml", "/etc/kubernetes/manifests/haproxy.yaml"),
    ("hosts.toml", "/etc/containerd/certs.d/<registry>/hosts.toml"),
    ("kubelet.service", "/etc/systemd/system/kubelet.service"),
    ("registry.service", "/etc/systemd/system/registry.service"),
    ("registry.yaml", "/etc/registry/config.yml"),
    ("renew-certs.service", "/etc/systemd/system/kk-renew-certs.service"),
    ("renew-certs.sh", "/usr/local/sbin/kk-renew-certs"),
    ("renew-certs.timer", "/etc/systemd/system/kk-renew-certs.timer"),
    ("sysctl.conf", "/etc/sysctl.d/99-kk.conf"),
];

#[test]
fn the_templates() {
    let mut page = String::from(
        "# Templates\n\nThese files on hosts are rendered from templates \
         (minijinja, which reads Jinja2's syntax). A file of the same name in \
         `.kk/<cluster>/templates/` beside the cluster file replaces the built-in one for that site. A value that is \
         missing is an error and never an empty text. For what is a field of the cluster file, no template is needed: see \
         [cluster.md](cluster.md).\n\nTo replace one, print it, change it, and put it there:\n\n\
         ```sh\nkk config template haproxy.cfg > haproxy.cfg\n```\n\n| template | file on hosts | values |\n|---|---|---|\n",
    );
    for (name, text) in BUILT_IN {
        let file = FILES.iter().find(|(known, _)| known == name);
        let (_, file) =
            file.unwrap_or_else(|| panic!("tests/docs/reference/templates.rs does not say where {name} goes"));
        page.push_str(&format!("| [`{name}`](../../templates/{name}) | `{file}` | {} |\n", values(name, text)));
    }
    agree("templates.md", page);
}

fn values(name: &str, text: &str) -> String {
    let environment = minijinja::Environment::new();
    let template = environment.template_from_named_str(name, text).unwrap();
    let mut names: Vec<String> =
        template.undeclared_variables(false).into_iter().map(|name| format!("`{name}`")).collect();
    names.sort();
    names.join(", ")
}
