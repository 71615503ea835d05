#!/usr/bin/env bash
# Three minors further with one command and one bundle, from Kubernetes 1.33 and an etcd 3.5 of which 3.6 is not safe: etcd
# goes through a later 3.5 first. kk is killed on that way. What the bundle lacks for it is told before anything is touched.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck source=tests/e2e/release.sh
source "$checkout/tests/e2e/release.sh"

kubernetes=v1.33.13
between=(v1.34.4 v1.35.4)
old_etcd=3.5.24 etcd_between=3.5.26 new_etcd=3.6.15

# export_for NAME MANIFEST BUNDLE: etcd is no pod here, and its image is not in the connected world.
export_for() {
    sed -i '/registry\.k8s\.io\/etcd:/d' "$2"
    rm -f "$3" "${2%.yaml}.lock"
    export_bundle "$@"
}

make_bundles() {
    local release arguments=()
    for release in "$kubernetes" "${between[@]}" "$next"; do arguments+=(--kubernetes "$release"); done
    "$checkout/scripts/upstream" build "${arguments[@]}" 2> >(grep -v complete >&2)
    "$checkout/scripts/upstream" up >/dev/null

    rm -f "$work"/manifest-hops*.yaml
    kk hops-old create manifest --with-kubernetes "$kubernetes" --with-registry -f "$work/manifest-hops-old.yaml"
    says "$work/manifest-hops-old.yaml" "etcd: {version: v$etcd_between}"
    sed -i "s/etcd: {version: v$etcd_between}/etcd: {version: v$old_etcd}/" "$work/manifest-hops-old.yaml"
    export_for hops-old-export "$work/manifest-hops-old.yaml" "$bundle"

    kk hops-plan upgrade plan --from "$kubernetes" --to "$next" --with-registry -m "$work/manifest-hops.yaml"
    says "$work/log/hops-plan.log" "^1\\. ${between[0]}\$" "^2\\. ${between[1]}\$" "^3\\. $next\$"
    says "$work/manifest-hops.yaml" "etcd: {version: v$new_etcd, via: \\[v$etcd_between\\]}"
    export_for hops-export "$work/manifest-hops.yaml" "$upgrade_bundle"
}

# etcd_is VERSION: every member is of it.
etcd_is() {
    [[ $(on node1 etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/ssl/etcd/ssl/ca.pem --cert /etc/ssl/etcd/ssl/member.pem \
        --key /etc/ssl/etcd/ssl/member-key.pem endpoint status --cluster -w json | jq -r '[.[].Status.version] | unique | join(" ")') == "$1" ]]
}

KK_BUNDLE=$work/hops-old.tar.gz
upgrade_bundle=$work/hops.tar.gz
upgrade=(upgrade "${reach[@]}" -a "$upgrade_bundle" --yes)
prepare
make_bundles
fresh_lab
let_registry_work
sed -i "s/^    version: v1.35.4\$/    version: $kubernetes/" "$cluster_file"
create_cluster hops-before
healthy
etcd_is "$old_etcd" || fail "etcd is not of $old_etcd"
write_keys
before=$(etcd_keys)
name_next_release

say "  what is refused"
sed "s/, via: .*}/}/" "$work/manifest-hops.yaml" >"$work/manifest-hops-short.yaml"
export_for hops-short-export "$work/manifest-hops-short.yaml" "$work/hops-short.tar.gz"
refused hops-short 5 upgrade "${reach[@]}" -a "$work/hops-short.tar.gz" --yes
says "$work/log/hops-short.log" "etcd $old_etcd runs, and $new_etcd is safe only from $etcd_between on" 'spec.components.etcd.via'
rm -f "$work/hops-short.tar.gz"
if ! all_run "$kubernetes" || ! etcd_is "$old_etcd"; then fail "what was refused has changed something"; fi
ok "a bundle without the etcd that lies between is refused"

say "  the way"
kk hops-dry "${upgrade[@]}" --dry-run
says "$work/log/hops-dry.log" "To ${between[0]}, without disturbing anybody" "Upgrade etcd to v$etcd_between, which lies on the way" \
    "Then in the same way to ${between[1]}" "Then in the same way to $next"
log=$work/log/hops-killed.log
"$KK" "${upgrade[@]}" >"$log" 2>&1 </dev/null &
killed=$!
until grep -q "Upgrade etcd to v$etcd_between" "$log" || [[ ! -d /proc/$killed ]]; do sleep 0.2; done
sleep 4
kill -KILL "$killed" || fail "it had ended: $log"
wait "$killed" 2>/dev/null || true
ok "killed while etcd was on its way"
KK_LIMIT=3600 seconds_of kk hops "${upgrade[@]}"
say "  three hops took $seconds s"
eventually 60 "all five nodes run $next and take pods" all_run "$next"
healthy
etcd_is "$new_etcd" || fail "not every member of etcd is of $new_etcd"
[[ $(etcd_keys) == "$before" ]] || fail "etcd holds other keys than before"
ok "etcd went over $etcd_between to $new_etcd, and all 10000 keys are as they were"
for hop in "${between[@]}" "$next"; do
    says "$work/log/hops.log" "etcd as it was before $hop is kept in"
done
kk hops-again "${upgrade[@]}"
says "$work/log/hops-again.log" 'upgrade: 5 hosts, 0 changed, '
ok "the same command once more changes nothing"
