# shellcheck shell=bash
# A cluster of three control planes and two workers, and the bundle that brings it one minor further. Sourced by the
# cases that upgrade, after lib.sh.
# shellcheck disable=SC2034,SC2154

next=v1.36.3
nodes=(node1 node2 node3 node4 node5)
reach=(-f "$cluster_file" --known-hosts "$state/known_hosts")
upgrade_bundle=$work/upgrade.tar.gz
upgrade=(upgrade "${reach[@]}" -a "$upgrade_bundle" --yes)

make_upgrade_bundle() {
    "$checkout/scripts/upstream" build --kubernetes "$next" 2> >(grep -v complete >&2)
    "$checkout/scripts/upstream" up >/dev/null
    rm -f "$work/manifest-upgrade.yaml" "$work/manifest-upgrade.lock"
    kk upgrade-plan upgrade plan --from "$kubernetes" --to "$next" --with-registry -m "$work/manifest-upgrade.yaml"
    says "$work/log/upgrade-plan.log" "^1\\. $next\$"
    # etcd is no pod here, and its image is not in the connected world.
    sed -i '/registry\.k8s\.io\/etcd:/d' "$work/manifest-upgrade.yaml"
    rm -f "$upgrade_bundle"
    export_bundle upgrade-export "$work/manifest-upgrade.yaml" "$upgrade_bundle"
}

# The registry's host is a worker too.
let_registry_work() { sed -i 's/^    worker: \[node4\]$/    worker: [node4, node5]/' "$cluster_file"; }
name_next_release() { sed -i "s/^    version: $kubernetes\$/    version: $next/" "$cluster_file"; }

# all_run RELEASE: every node and the API server are of it, and every node takes pods.
all_run() {
    [[ $(kubectl get nodes -o jsonpath='{range .items[*]}{.status.nodeInfo.kubeletVersion} {.spec.unschedulable}{"\n"}{end}' | sort | uniq -c | xargs) == "5 $1" ]] &&
        [[ $(kubectl get --raw /version | jq -r .gitVersion) == "$1" ]]
}
