#!/usr/bin/env bash
# A first delivery on two small media, then a delta: what is at the site already does not cross the gap again.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

media=$work/media
image=docker.io/library/nginx:1.22.1
first_manifest=$work/first.yaml
first=$work/first.tar.gz
delta=$work/delta.tar.gz

# The sample without one image is what the site gets first.
first_delivery() {
    grep -vF "$image" "$manifest" >"$first_manifest"
    connected_world
    export_bundle export-first "$first_manifest" "$first"
    rm -rf "$media" && mkdir -p "$media/a" "$media/b"
    kk split-a artifact split -a "$first" --size 100M --only 1-3 -o "$media/a"
    local count
    count=$(sed -nE 's/^[0-9]+ of ([0-9]+) parts.*/\1/p' "$work/log/split-a.log")
    [[ $count -gt 3 ]] || fail "the bundle has $count parts only"
    kk split-b artifact split -a "$first" --size 100M --only "4-$count" -o "$media/b"
    chmod -R a-w "$media"
    refused part-missing 4 artifact verify -a "$media/a"
    says "$work/log/part-missing.log" "parts? 4.* of $count of first.tar.gz (is|are) missing"
    ok "$count parts on two media, and the missing ones are named"
}

create_from() {
    local name=$1
    shift
    kk "$name" create cluster -f "$cluster_file" "$@" --known-hosts "$state/known_hosts" --yes
}

second_delivery() {
    export_delta
    local size first_size
    size=$(stat -c %s "$delta") first_size=$(stat -c %s "$first")
    ((size * 4 < first_size)) || fail "the delta has $size bytes, and the first bundle $first_size"
    ok "the delta has $((size >> 20)) MiB, and the first bundle $((first_size >> 20)) MiB"

    refused delta-without-base 4 create cluster -f "$cluster_file" -a "$delta" --known-hosts "$state/known_hosts" --yes
    says "$work/log/delta-without-base.log" 'component kubeadm' 'import the base first'
    if grep -q "image registry.k8s.io" "$work/log/delta-without-base.log"; then fail "the registry's blobs were not found"; fi
    ok "what is missing is listed, and the registry's blobs are not missing"

    kk import-first artifact import -f "$cluster_file" -a "$media/b" -a "$media/a"
    kk import-delta artifact import -f "$cluster_file" -a "$delta"
    create_from create-delta -a "$delta"
    says "$work/log/create-delta.log" 'create cluster: 5 hosts, '
    ON_TIMEOUT=300 on node4 ctr -n k8s.io images ls -q >/dev/null
    healthy
    ok "the cluster stands, from a delta"

    skopeo inspect --raw "oci:$site/store:$image" >/dev/null || fail "skopeo does not read the store"
    kk prune artifact store prune --keep 1 -f "$cluster_file" --yes
    create_from create-again -a "$delta"
    ok "after prune, the store still makes the delta whole"
}

export_delta() {
    rm -f "$delta"
    kk export-delta artifact export -m "$manifest" -o "$delta" --base "$first" --mirror "*=http://127.0.0.1:${KK_UPSTREAM_PORT:-8480}" --yes
}

prepare
first_delivery
fresh_lab
create_from create-parts -a "$media/b" -a "$media/a"
healthy
ok "a cluster from parts on two media that are read-only"
second_delivery
chmod -R u+w "$media"
rm -rf "$media" "$first" "$delta"
