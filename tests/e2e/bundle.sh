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

# containerd's own `ctr`, on a host of the lab with the runtime of the bundle. It warns of things on stderr.
import_ctr() { ON_TIMEOUT=300 on node4 ctr -n kk-import "$@" 2>>"$work/log/ctr.log"; }
containerd_imports() {
    need_cluster
    local archive=/var/lib/containerd/kk-import.tar
    rm -f "$work/log/ctr.log"
    tar -C "$scratch/tar.gz" -cf - oci-layout index.json blobs | ON_TIMEOUT=300 on node4 sh -c "cat >$archive"
    import_ctr images import --local "$archive" >"$work/log/import.log" ||
        { cat "$work/log/ctr.log" >&2; fail "containerd does not import the layout"; }
    import_ctr images ls -q >"$work/log/imported.log"
    says "$work/log/imported.log" "^$image\$" '^registry.k8s.io/kube-apiserver:v1.35'
    import_ctr images check "name==$image" | grep -q complete || fail "containerd lacks parts of $image"
    ok "containerd imports $(wc -l <"$work/log/imported.log") images"
    on node4 rm "$archive"
    # shellcheck disable=SC2046
    import_ctr images rm --sync $(<"$work/log/imported.log") >/dev/null
    on node4 ctr namespaces rm kk-import >/dev/null 2>&1 || true
}

# The bundle has what the cluster file needs; the web server is for a workload that no cluster file names.
suffices() {
    need_lab
    kk check artifact check -a "$bundle" -f "$cluster_file"
    says "$work/log/check.log" '^image registry.k8s.io/pause:' '^image docker.io/library/nginx:1.22.1 ' '^The bundle suffices'
    ok "kk artifact check: the bundle suffices for the cluster file"
}

# A running cluster, written down as a manifest, has the image of every pod.
written_down() {
    need_cluster
    local written=$work/written-down.yaml image
    kk written-down create manifest --kubeconfig "$kubeconfig" --with-kubernetes v1.36.3 -f "$written" --overwrite
    says "$written" 'version: v1.35.4' 'version: v1.36.3' 'id: "debian"' '- registry.k8s.io/kube-apiserver:v1.36.3'
    while read -r image; do
        grep -qF -- "- $image" "$written" || fail "the manifest of the cluster lacks $image"
    done < <(kubectl get pods -A -o jsonpath='{range .items[*].spec.containers[*]}{.image}{"\n"}{end}' | sort -u)
    kk written-view config view -f "$written"
    ok "kk create manifest writes down the cluster that runs"
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
suffices
containerd_imports
written_down
rm -rf "$scratch"
