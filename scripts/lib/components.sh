# shellcheck shell=bash
# How each component is built: VERSION in, files in DIR out. Everything is stamped with the version that its
# release would print, because installers (kubeadm first of all) compare what the binaries say.

kubernetes_commands=(kubeadm kubelet kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy)

build_kubernetes() {
    local version=$1 dir=$2
    local staging=v0.${version#v1.} minor=${version#v1.}
    minor=${minor%%.*}
    local source requirements ldflags='' package packages=()
    source=$(module_source "k8s.io/kubernetes@$version")
    # Kubernetes finds its own libraries in its source tree; as modules they are published with version 0.MINOR.PATCH.
    requirements=$(
        # The behaviour of the release's own Go: the directive holds for the main module only.
        grep '^godebug ' "$source/go.mod" || true
        echo "require k8s.io/kubernetes $version"
        sed -nE "s#^[[:space:]]*(k8s\.io/[^ ]+) => \./staging/.*#replace \1 => \1 $staging#p" "$source/go.mod"
    )
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        ldflags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor"
        ldflags+=" -X $package.gitTreeState=clean"
    done
    for package in "${kubernetes_commands[@]}"; do packages+=("k8s.io/kubernetes/cmd/$package"); done
    # In one go: the commands share most of what they are made of.
    go_build "$dir" "$ldflags" '' "$requirements" "${packages[@]}"
}

build_etcd() {
    local version=$1 dir=$2 server ctl utl
    read -r server ctl utl <<<"$(etcd_modules_for "$version")"
    go_build "$dir" "-X go.etcd.io/etcd/api/v3/version.Version=${version#v}" '' "require go.etcd.io/etcd/server/v3 $server
require go.etcd.io/etcd/etcdctl/v3 $ctl
require go.etcd.io/etcd/etcdutl/v3 $utl" \
        go.etcd.io/etcd/server/v3 go.etcd.io/etcd/etcdctl/v3 go.etcd.io/etcd/etcdutl/v3
    mv "$dir/server" "$dir/etcd"
}

build_containerd() {
    local version=$1 dir=$2 module=github.com/containerd/containerd/v2
    go_build "$dir" "-X $module/version.Version=$version -X $module/version.Package=$module" \
        'no_btrfs urfave_cli_no_docs osusergo netgo static_build' \
        "require $module $version" $module/cmd/{containerd,containerd-shim-runc-v2,ctr}
}

# Has C inside: it enters namespaces before Go starts, and loads seccomp filters by libseccomp.
build_runc() {
    local version=$1 dir=$2
    CGO_ENABLED=1 go_build "$dir" '-extldflags -static' 'seccomp urfave_cli_no_docs netgo osusergo' \
        "require github.com/opencontainers/runc $version" github.com/opencontainers/runc
    "$dir/runc" features | jq -e .linux.seccomp.enabled >/dev/null || die "runc was built without seccomp"
}

build_cni() {
    local version=$1 dir=$2 module=github.com/containernetworking/plugins
    go_build "$dir" "-X $module/pkg/utils/buildversion.BuildVersion=$version" '' "require $module $version" \
        $module/plugins/main/{bridge,dummy,host-device,ipvlan,loopback,macvlan,ptp,tap,vlan} \
        $module/plugins/ipam/{dhcp,host-local,static} \
        $module/plugins/meta/{bandwidth,firewall,portmap,sbr,tuning,vrf}
}

build_crictl() {
    local version=$1 dir=$2 module=sigs.k8s.io/cri-tools
    go_build "$dir" "-X $module/pkg/version.Version=${version#v}" '' "require $module $version" $module/cmd/crictl
}

build_helm() {
    local version=$1 dir=$2 module=helm.sh/helm/v3
    go_build "$dir" "-X $module/internal/version.version=$version -X $module/internal/version.gitTreeState=clean" '' \
        "require $module $version" $module/cmd/helm
}

build_registry() {
    local version=$1 dir=$2 module=github.com/distribution/distribution/v3
    go_build "$dir" "-X $module/version.version=$version" '' "require $module $version" $module/cmd/registry
}

build_coredns() {
    local version=$1 dir=$2 module=github.com/coredns/coredns
    go_build "$dir" '' '' "require $module $version" $module
    # Port 53 for a user that is not root, as the published image has it.
    setcap cap_net_bind_service=+ep "$dir/coredns"
}

build_flannel() {
    local version=$1 dir=$2 module=github.com/flannel-io/flannel
    # Flannel asks for an SDK release that is no longer published; its successor serves a backend not used here.
    local sdk=github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common
    # One of its backends is C.
    CGO_ENABLED=1 go_build "$dir" "-X $module/pkg/version.Version=$version -extldflags -static" 'netgo osusergo' \
        "require $module $version
require $sdk v1.3.103" $module
    mv "$dir/flannel" "$dir/flanneld"
}

build_flannel_cni() {
    local version=$1 dir=$2 module=github.com/containernetworking/plugins
    go_build "$dir" "-X $module/pkg/utils/buildversion.BuildVersion=$flannel_cni_tag" '' \
        "require $module $version" $module/plugins/meta/flannel
}

build_pause() {
    local version=$1 dir=$2 source=$scripts/images/pause.c
    gcc -Os -static -s -DVERSION="\"$version\"" -o "$dir/pause-amd64" "$source"
    aarch64-linux-gnu-gcc -Os -static -s -DVERSION="\"$version\"" -o "$dir/pause-arm64" "$source"
}

# Everything that one Kubernetes release and its cluster are made of. What releases share is built once.
build_components() {
    local release=$1 version
    build_once kubernetes "$release" build_kubernetes
    build_once runc "$runc_version" build_runc
    build_once containerd "$containerd_version" build_containerd
    for version in $(etcd_versions_for "$release"); do build_once etcd "$version" build_etcd; done
    build_once registry "$registry_version" build_registry
    build_once cni "$cni_version" build_cni
    build_once flannel "$flannel_version" build_flannel
    build_once flannel-cni "$flannel_cni_source" build_flannel_cni
    build_once pause "$(pause_version_for "$release")" build_pause
    build_once crictl "$crictl_version" build_crictl
    build_once helm "$helm_version" build_helm
    build_once coredns "$(coredns_version_for "$release")" build_coredns
}
