#!/usr/bin/env bash
# --skip-failed-hosts: workers that cannot be reached, or fail on the way, are left out of an installation and of an upgrade;
# the others are done, the command lists who is missing, and the same command takes them in later.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/release.sh
source "$checkout/tests/e2e/release.sh"
# shellcheck source=tests/e2e/befall.sh
source "$checkout/tests/e2e/befall.sh"

# Not by way of the operator's kubeconfig, whose address is that of the worker that goes missing here.
kubectl() { on node1 kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout 20s "$@"; }
ready_nodes() { [[ $(kubectl get nodes --no-headers | awk '$2 == "Ready" { print $1 }' | sort | paste -sd' ') == "$*" ]]; }
# run_at RELEASE NODE…: these kubelets are of it, and the nodes take pods.
run_at() {
    local release=$1
    shift
    [[ $(kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name} {.status.nodeInfo.kubeletVersion} {.spec.unschedulable}{"\n"}{end}' |
        awk -v release="$release" '$2 == release && NF == 2 { print $1 }' | sort | paste -sd' ') == "$*" ]]
}

prepare
make_upgrade_bundle
fresh_lab
give_disk node4

say "  create, with the only worker without power, and then with its disk full"
lab kill node4
refused skip-not 7 "${create[@]}"
says "$work/log/skip-not.log" '1 of 5 hosts cannot be reached; nothing was changed'
refused skip-away 7 "${create[@]}" --skip-failed-hosts
says "$work/log/skip-away.log" 'node4 is left out: ' '^error: 1 host was left out; all others are done' '^ +node4: cannot connect' '^hint: when the cause is removed'
eventually 10 "three nodes are Ready" ready_nodes node1 node2 node3
lab start node4 >/dev/null
give_disk node4
fill_disk node4
refused skip-full 7 "${create[@]}" --skip-failed-hosts
says "$work/log/skip-full.log" 'node4 is left out' '^error: 1 host was left out; all others are done'
ready_nodes node1 node2 node3 || fail "other nodes are ready than node1 to node3"
on node4 mount -o "remount,size=$disk_size" /mnt/disk
create_cluster skip-taken-in
eventually 60 "four nodes are Ready" ready_nodes node1 node2 node3 node4
create_cluster skip-again
says "$work/log/skip-again.log" 'create cluster: 5 hosts, 0 changed, '
ok "the same command takes the worker in, and then changes nothing"

say "  upgrade, with the worker's disk full"
name_next_release
fill_disk node4
refused skip-upgrade-full 7 "${upgrade[@]}" --skip-failed-hosts
says "$work/log/skip-upgrade-full.log" 'node4 is left out' '^error: 1 host was left out; all others are done'
eventually 60 "control planes run $next" run_at "$next" node1 node2 node3
eventually 60 "node4 runs $kubernetes and takes pods" run_at "$kubernetes" node4
on node4 mount -o "remount,size=$disk_size" /mnt/disk
kk skip-upgrade "${upgrade[@]}"
eventually 60 "all run $next" run_at "$next" node1 node2 node3 node4
kk skip-upgrade-again "${upgrade[@]}"
says "$work/log/skip-upgrade-again.log" 'upgrade: 5 hosts, 0 changed, '
ok "the same upgrade takes the worker in, and then changes nothing"
