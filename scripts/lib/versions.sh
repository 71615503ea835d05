# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the files that source this one
# The one place where the connected world's versions are pinned. The sample manifests name the same ones.

# The first is what the quickstart installs, the second is what it upgrades to.
kubernetes_releases=(v1.35.4 v1.36.3)

etcd_version=v3.6.15
containerd_version=v2.2.9
runc_version=v1.4.3
cni_version=v1.9.1
crictl_version=v1.36.0
helm_version=v3.22.0
registry_version=v3.1.2

flannel_version=v0.28.4
# The tag that flannel's own manifest of that release asks for.
flannel_cni_tag=v1.9.1-flannel1
# The flannel CNI plugin left the CNI plugins with their 1.0; the last release that has it still speaks
# the CNI version that flannel's configuration names.
flannel_cni_source=v0.9.1

# Debian 12 ships these two; the tags say which.
haproxy_version=2.6.12
nginx_version=1.22.1

# What kubeadm of a minor asks for by name (its constants CoreDNSVersion and PauseVersion).
coredns_version_for() {
    case $1 in
        v1.33.*) echo v1.12.0 ;;
        v1.34.*) echo v1.12.1 ;;
        v1.35.*) echo v1.13.1 ;;
        v1.36.*) echo v1.14.2 ;;
        *) die "no CoreDNS version is known for Kubernetes $1: add it to scripts/lib/versions.sh" ;;
    esac
}

pause_version_for() {
    case $1 in
        v1.33.*) echo 3.10 ;;
        v1.34.* | v1.35.*) echo 3.10.1 ;;
        v1.36.*) echo 3.10.2 ;;
        *) die "no pause version is known for Kubernetes $1: add it to scripts/lib/versions.sh" ;;
    esac
}

# What members of etcd may be of in clusters of a minor, besides the newest: one from which 3.6 is not safe, and one from
# which it is.
etcd_versions_for() {
    case $1 in
        v1.33.*) echo "v3.5.24 v3.5.26 $etcd_version" ;;
        *) echo "$etcd_version" ;;
    esac
}

# Not every patch of every module of etcd 3.5 is published: server, etcdctl and etcdutl of the ones that are. The binaries
# say the version that they stand for.
etcd_modules_for() {
    case $1 in
        v3.5.*) echo "v3.5.23 v3.5.11 v3.5.11" ;;
        *) echo "$1 $1 $1" ;;
    esac
}

go_version=1.26.8

# The distribution specification's conformance test, as of a commit: its module has no tags.
conformance_version=v0.0.0-20260831232431-97274622c111
