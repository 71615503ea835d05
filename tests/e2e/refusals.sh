#!/usr/bin/env bash
# What is wrong is refused: one clear error, its documented exit code, and hosts as they were.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scratch=$work/refusals
# create_with CODE NAME [ARGUMENTS…]: create with the lab's cluster file as it stands in $scratch.
create_with() {
    local code=$1 name=$2
    shift 2
    refused "$name" "$code" create cluster -f "$scratch/cluster.yaml" --known-hosts "$state/known_hosts" --yes "$@"
}
# A cluster file of the lab, changed by a sed script; with a site folder of its own.
cluster_with() { sed -E "$1" "$cluster_file" >"$scratch/cluster.yaml"; }
# No program that it runs, and no thread of its own, called another address than none.
without_connections() {
    local name=$1 code=$2 status=0
    shift 2
    timeout 120 strace -f -qq -e trace=connect,sendto -o "$scratch/strace" "$KK" "$@" >"$work/log/$name.log" 2>&1 </dev/null || status=$?
    [[ $status -eq $code ]] || { cat "$work/log/$name.log" >&2; fail "$name: exit code $status, and not $code"; }
    ! grep -E 'AF_INET' "$scratch/strace" >&2 || fail "$name: kk called somebody"
}
fingerprints() { local host; for host in "${hosts[@]}"; do everything_of "$host" | sed "s/^/$host /"; done; }
unchanged() {
    fingerprints >"$scratch/now"
    diff "$scratch/untouched" "$scratch/now" >"$scratch/difference" || { cat "$scratch/difference" >&2; fail "$1: hosts were changed"; }
    ok "$1"
}

published_files() {
    cat >"$scratch/published-manifest.yaml" <<'YAML'
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Manifest
metadata: {name: sample}
spec:
  arches: [amd64]
  operatingSystems: []
  kubernetesDistributions:
  - {type: kubernetes, version: v1.21.5}
  components:
    helm: {version: v3.6.3}
    cni: {version: v0.9.1}
    etcd: {version: v3.4.13}
    containerRuntimes:
    - {type: docker, version: 20.10.8}
    crictl: {version: v1.22.0}
    harbor: {version: v2.4.1}
    docker-compose: {version: v2.2.2}
  images:
  - dockerhub.kubekey.local/kubesphere/kube-apiserver:v1.22.1
YAML
    cat >"$scratch/published-cluster.yaml" <<'YAML'
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata: {name: sample}
spec:
  hosts:
  - {name: kubesphere01.ys, address: 10.89.3.12, internalAddress: 10.89.3.12, user: kubesphere, password: "secret"}
  - {name: kubesphere02.ys, address: 10.74.3.25, internalAddress: 10.74.3.25, user: kubesphere, password: "secret"}
  - {name: kubesphere03.ys, address: 10.86.3.66, internalAddress: 10.86.3.66, user: kubesphere, password: "secret"}
  - {name: kubesphere04.ys, address: 10.86.3.67, internalAddress: 10.86.3.67, user: kubesphere, password: "secret"}
  - {name: kubesphere05.ys, address: 10.86.3.11, internalAddress: 10.86.3.11, user: kubesphere, password: "secret"}
  roleGroups:
    etcd: [kubesphere01.ys, kubesphere02.ys, kubesphere03.ys]
    control-plane: [kubesphere01.ys, kubesphere02.ys, kubesphere03.ys]
    worker: [kubesphere05.ys]
    registry: [kubesphere04.ys]
  controlPlaneEndpoint: {internalLoadbalancer: haproxy, domain: lb.kubesphere.local, address: "", port: 6443}
  kubernetes: {version: v1.21.5, clusterName: cluster.local}
  network: {plugin: calico, kubePodsCIDR: 10.233.64.0/18, kubeServiceCIDR: 10.233.0.0/18, multusCNI: {enabled: false}}
  registry:
    type: harbor
    auths: {"dockerhub.kubekey.local": {username: admin, password: secret}}
YAML
}

refuse_published_files() {
    published_files
    without_connections published-create 3 create cluster -f "$scratch/published-cluster.yaml" -a "$bundle" --yes
    says "$work/log/published-create.log" 'no host was touched' 'registry.*[Hh]arbor' 'plugin.*[Cc]alico'
    ok "the published cluster file: a sentence for each thing that cannot be installed yet, and no connection"
    without_connections published-manifest 3 create cluster -f "$scratch/published-manifest.yaml" -a "$bundle" --yes
    says "$work/log/published-manifest.log" 'Manifest'
    ok "a manifest in the place of a cluster file"
    local kind
    for kind in manifest cluster; do
        kk "view-$kind" config view -f "$scratch/published-$kind.yaml"
        ! grep -qE ': "?secret"?$' "$work/log/view-$kind.log" || fail "config view shows a password"
    done
    ok "kk config view shows both, and no password"
}

refuse_faulty_file() {
    cluster_with 's/^  kubernetes:/  kubernetez:/; s/worker: \[node4\]/worker: [node44]/'
    without_connections faulty-file 3 create cluster -f "$scratch/cluster.yaml" -a "$bundle" --yes
    says "$work/log/faulty-file.log" 'kubernetez' 'did you mean' 'node44'
    ok "all errors of a cluster file at once"
}

refuse_damaged_bundles() {
    cluster_with ''
    local size
    size=$(stat -c %s "$bundle")
    head -c $((size / 2)) "$bundle" >"$scratch/truncated.tar.gz"
    create_with 4 truncated -a "$scratch/truncated.tar.gz"
    says "$work/log/truncated.log" 'truncated.tar.gz' '(ends|truncated|cut off|short)'
    rm "$scratch/truncated.tar.gz"
    ok "a truncated bundle"
    cp --reflink=auto "$bundle" "$scratch/flipped.tar.gz"
    local byte='\x5a'
    if printf '\x5a' | cmp -s -n 1 - <(tail -c +$((size / 2 + 1)) "$bundle"); then byte='\xa5'; fi
    # shellcheck disable=SC2059
    printf "$byte" | dd of="$scratch/flipped.tar.gz" bs=1 seek=$((size / 2)) conv=notrunc status=none
    create_with 4 flipped -a "$scratch/flipped.tar.gz"
    says "$work/log/flipped.log" 'flipped.tar.gz'
    rm "$scratch/flipped.tar.gz"
    ok "a flipped byte"
    create_with 4 no-bundle -a "$scratch/there-is-none.tar.gz"
    says "$work/log/no-bundle.log" 'there-is-none.tar.gz'
    ok "no bundle at all"
}

refuse_insufficient_bundles() {
    cluster_with ''
    grep -vE 'coredns|flannel-io/flannel:|crictl' "$manifest" >"$scratch/manifest.yaml"
    connected_world
    export_bundle export-lacking "$scratch/manifest.yaml" "$scratch/lacking.tar"
    create_with 4 lacking -a "$scratch/lacking.tar"
    says "$work/log/lacking.log" 'lacks 3 ' 'coredns' 'flannel' 'crictl'
    rm "$scratch/lacking.tar"
    ok "a bundle that lacks two images and a component: all at once"
    cluster_with 's/^    - name: node4$/&\n      arch: arm64/'
    create_with 4 arm64 -a "$bundle"
    says "$work/log/arm64.log" 'arm64'
    ok "a bundle for the wrong arch"
    cluster_with 's/version: v1.35.4/version: v1.36.3/'
    create_with 4 other-version -a "$bundle"
    says "$work/log/other-version.log" 'v1.36.3'
    ok "a bundle with another Kubernetes"
}

refuse_hosts() {
    cluster_with ''
    refused unknown-key 7 create cluster -f "$scratch/cluster.yaml" -a "$bundle" --yes --known-hosts /dev/null
    says "$work/log/unknown-key.log" '5 of 5 hosts' 'node3' 'accept-new-host-keys'
    ok "unknown host keys"
    sed "s|^$(address node2) ssh-ed25519 .*|$(address node2) $(cut -d' ' -f1,2 "$state/id_ed25519.pub")|" "$state/known_hosts" >"$scratch/known_hosts"
    refused other-key 7 create cluster -f "$scratch/cluster.yaml" -a "$bundle" --yes --known-hosts "$scratch/known_hosts" --accept-new-host-keys
    says "$work/log/other-key.log" 'node2' '(changed|other|differ|match)'
    ok "a host whose key is another one"
    cluster_with 's/^(      password: )"[0-9a-f]+"$/\1"not the password"/'
    create_with 7 wrong-password -a "$bundle"
    says "$work/log/wrong-password.log" 'node2.*password' 'node5.*password'
    ! grep -q 'not the password' "$work/log/wrong-password.log" || fail "kk shows a password"
    ok "a wrong password"
    cluster_with ''
    lab disconnect node3
    create_with 7 unreachable -a "$bundle" || { lab connect node3; exit 1; }
    lab connect node3
    says "$work/log/unreachable.log" "1 of 5 hosts" "node3.*$(address node3)"
    ok "an unreachable host"
}

refuse_preflight() {
    cluster_with ''
    on node2 mount -t tmpfs -o size=64m tmpfs /var/lib/containerd
    on node5 mount -t tmpfs -o size=64m tmpfs /mnt/registry
    on node4 sh -c 'umask 022; printf "#!/bin/sh\nexec /bin/date -d \"+1 hour\" \"\$@\"\n" >/usr/local/sbin/date; chmod 755 /usr/local/sbin/date'
    fingerprints >"$scratch/untouched"
    create_with 5 preflight -a "$bundle"
    unchanged "two full disks and a clock that is an hour off: refused before anything was done"
    on node2 umount /var/lib/containerd
    on node5 umount /mnt/registry
    on node4 rm /usr/local/sbin/date
    says "$work/log/preflight.log" 'node2.*/var/lib/containerd' 'node5.*/mnt/registry' 'node4.*clock'
    cluster_with 's/etcd: \[node1, node2, node3\]/etcd: [node1, node2]/'
    fingerprints >"$scratch/untouched"
    create_with 5 even -a "$bundle"
    says "$work/log/even.log" 'etcd has 2 members, and must have an odd number of them'
    unchanged "an even number of members of etcd"
}

refuse_unsigned_bundle() {
    local key
    kk generate-key key generate -o "$scratch/release-key" --no-passphrase
    key=$(cat "$scratch/release-key.pub")
    cluster_with "s|^spec:|spec:\n  artifact: {trustedKeys: [\"$key\"]}|"
    without_connections unsigned 4 create cluster -f "$scratch/cluster.yaml" -a "$bundle" --yes
    says "$work/log/unsigned.log" 'not signed' 'nothing else of the bundle was read'
    ok "an unsigned bundle where a signature is demanded, and no connection"
}

prepare
rm -rf "$scratch"
mkdir -p "$scratch"
fresh_lab
fingerprints >"$scratch/untouched"
refuse_published_files
refuse_faulty_file
refuse_damaged_bundles
refuse_insufficient_bundles
refuse_unsigned_bundle
refuse_hosts
unchanged "no host was changed by any of these"
refuse_preflight
rm -rf "$scratch"
