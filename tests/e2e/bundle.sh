#!/usr/bin/env bash
# A bundle is a tar with an OCI layout in it, and stock programs read it.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scratch=$work/unpacked
image=docker.io/library/nginx:1.22.1

# The same lock gives the same content, whatever the spelling.
spellings() {
    local spelling
    connected_world
    for spelling in tar tar.zst; do
        export_bundle "export-$spelling" "$manifest" "$work/kubekey-artifact.$spelling"
        unpack "$work/kubekey-artifact.$spelling" "$scratch/$spelling"
        rm "$work/kubekey-artifact.$spelling"
        diff -r "$scratch/tar.gz" "$scratch/$spelling" >"$work/log/spelling.log" ||
            { head "$work/log/spelling.log" >&2; fail "the bundle as $spelling holds other things than as tar.gz"; }
        ok "tar xf unpacks the bundle as .$spelling, and it holds the same"
        rm -rf "${scratch:?}/$spelling"
    done
}

unpack() {
    mkdir -p "$2"
    tar -xf "$1" -C "$2" || fail "tar does not unpack $1"
}

# Every blob is named by its digest, and is what its name says.
blobs_hold() {
    (cd "$scratch/tar.gz/blobs/sha256" && sha256sum -- * | awk '$1 != $2 { print; bad = 1 } END { exit bad }') || fail "a blob is not what its name says"
    ok "$(find "$scratch/tar.gz/blobs/sha256" -type f | wc -l) blobs are what their names say"
}

skopeo_reads() {
    local reference count=0
    while read -r reference; do
        skopeo inspect --raw "oci:$scratch/tar.gz:$reference" >/dev/null || fail "skopeo cannot read $reference"
        count=$((count + 1))
    done < <(jq -r '.manifests[].annotations["org.opencontainers.image.ref.name"]' "$scratch/tar.gz/index.json")
    [[ $count -ge 10 ]] || fail "the layout names $count images only"
    skopeo copy --quiet --all "oci:$scratch/tar.gz:$image" "dir:$scratch/copied" || fail "skopeo cannot copy $image"
    ok "skopeo inspects all $count images and copies $image"
}

# containerd's own `ctr`, on a host of the lab with the runtime of the bundle.
containerd_imports() {
    need_cluster
    tar -C "$scratch/tar.gz" -cf - oci-layout index.json blobs | ON_TIMEOUT=300 on node4 sh -c 'cat >/var/lib/containerd/kk-import.tar'
    ON_TIMEOUT=300 on node4 ctr -n kk-import images import --local /var/lib/containerd/kk-import.tar >"$work/log/import.log" 2>&1 ||
        { cat "$work/log/import.log" >&2; fail "containerd does not import the layout"; }
    on node4 ctr -n kk-import images ls -q >"$work/log/imported.log"
    says "$work/log/imported.log" "^$image\$" '^registry.k8s.io/kube-apiserver:v1.35'
    on node4 ctr -n kk-import images check "name==$image" | grep -q complete || fail "containerd lacks parts of $image"
    ok "containerd imports $(wc -l <"$work/log/imported.log") images"
    # shellcheck disable=SC2016
    on node4 sh -c 'rm /var/lib/containerd/kk-import.tar; ctr -n kk-import images rm --sync $(ctr -n kk-import images ls -q) >/dev/null; for lease in $(ctr -n kk-import leases ls -q); do ctr -n kk-import leases rm $lease; done; ctr namespaces rm kk-import >/dev/null || :'
}

prepare
rm -rf "$scratch"
kk verify artifact verify -a "$bundle"
kk inspect artifact inspect -a "$bundle"
ok "kk verifies and inspects it: $(tail -n 1 "$work/log/verify.log")"
unpack "$bundle" "$scratch/tar.gz"
ok "tar xf unpacks the bundle as .tar.gz"
spellings
blobs_hold
skopeo_reads
containerd_imports
rm -rf "$scratch"
