# shellcheck shell=bash
# The published files: the very paths, names and checksum files of each project's releases.

www_dir() { printf '%s\n' "$(cache_dir)/www"; }

# publish PATH FUNCTION [ARG...]: FUNCTION writes the file; published once, complete or not at all.
publish() {
    local target
    target=$(www_dir)/$1
    shift
    [[ ! -e $target ]] || return 0
    mkdir -p "$(dirname "$target")"
    "$@" >"$target.part"
    mv "$target.part" "$target"
}

hex_of() { sha256sum <"$(www_dir)/$1" | cut -d' ' -f1; }
bare_hex() { hex_of "$1" | tr -d '\n'; }
checksum_line() { printf '%s  %s\n' "$(hex_of "$1")" "$(basename "$1")"; }

# tgz DIR [FILE...]: a release tarball; what it holds is named relative to DIR.
tgz() {
    local dir=$1
    shift
    tar -C "$dir" --format=gnu --sort=name --mtime=@1704067200 --owner=0 --group=0 --numeric-owner -c "$@" | gzip -n -6
}

# tgz_under FOLDER DIR FILE...: the same, with FILEs of DIR in a FOLDER.
tgz_under() {
    local folder=$1 dir=$2 names=() file
    shift 2
    for file; do names+=("./$file"); done
    tar -C "$dir" --format=gnu --sort=name --mtime=@1704067200 --owner=0 --group=0 --numeric-owner \
        --transform="s,^\./,$folder/," -c "${names[@]}" | gzip -n -6
}

publish_release() {
    local release=$1 command version file github=github.com
    for command in kubeadm kubelet kubectl; do
        file=dl.k8s.io/release/$release/bin/linux/amd64/$command
        publish "$file" cat "$(built kubernetes "$release")/$command"
        publish "$file.sha256" bare_hex "$file"
    done

    for version in $(etcd_versions_for "$release"); do
        file=$github/etcd-io/etcd/releases/download/$version/etcd-$version-linux-amd64.tar.gz
        publish "$file" tgz_under "etcd-$version-linux-amd64" "$(built etcd "$version")" etcd etcdctl etcdutl
        publish "$(dirname "$file")/SHA256SUMS" checksum_line "$file"
    done

    file=$github/containerd/containerd/releases/download/$containerd_version/containerd-${containerd_version#v}-linux-amd64.tar.gz
    publish "$file" tgz_under bin "$(built containerd "$containerd_version")" containerd containerd-shim-runc-v2 ctr
    publish "$file.sha256sum" checksum_line "$file"

    file=$github/opencontainers/runc/releases/download/$runc_version/runc.amd64
    publish "$file" cat "$(built runc "$runc_version")/runc"
    publish "$(dirname "$file")/runc.sha256sum" checksum_line "$file"

    file=$github/containernetworking/plugins/releases/download/$cni_version/cni-plugins-linux-amd64-$cni_version.tgz
    publish "$file" tgz "$(built cni "$cni_version")" .
    publish "$file.sha256" checksum_line "$file"

    file=$github/kubernetes-sigs/cri-tools/releases/download/$crictl_version/crictl-$crictl_version-linux-amd64.tar.gz
    publish "$file" tgz "$(built crictl "$crictl_version")" crictl
    publish "$file.sha256" bare_hex "$file"

    file=get.helm.sh/helm-$helm_version-linux-amd64.tar.gz
    publish "$file" tgz_under linux-amd64 "$(built helm "$helm_version")" helm
    publish "$file.sha256sum" checksum_line "$file"

    file=$github/distribution/distribution/releases/download/$registry_version/registry_${registry_version#v}_linux_amd64.tar.gz
    publish "$file" tgz "$(built registry "$registry_version")" registry
    publish "$file.sha256" checksum_line "$file"
}
