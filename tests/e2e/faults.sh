#!/usr/bin/env bash
# kk is killed, hosts lose their power, cables are pulled and disks run full, each at several moments of an installation
# and of an upgrade. Every time the next run goes on beyond the moment, and the last leaves a healthy cluster with all
# its data. KK_FAULTS chooses of "create1 create2 upgrade1 upgrade2".
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/release.sh
source "$checkout/tests/e2e/release.sh"
# shellcheck source=tests/e2e/befall.sh
source "$checkout/tests/e2e/befall.sh"

# The host whose disk can be full; it is never stopped, which would empty it.
small=node3

bare_site() {
    fresh_lab
    let_registry_work
    give_disk "$small"
}

installed() {
    healthy
    create_cluster "fault-rerun"
    says "$work/log/fault-rerun.log" 'create cluster: 5 hosts, 0 changed, '
    ok "the cluster is healthy, and a rerun changes nothing"
}

create1() {
    bare_site
    chain create "${create[@]}" -- \
        "cut node2 os/configure node2" \
        "kill - registry/install node5" \
        "full $small images/pull $small" \
        "stop node1 kubernetes/init node1" \
        "cut node4 kubernetes/join node4" \
        "kill - loadbalancer/endpoint node4"
    installed
}

create2() {
    bare_site
    chain create "${create[@]}" -- \
        "full $small runtime/containerd $small" \
        "cut $small etcd/start $small" \
        "stop node5 images/pull node4" \
        "kill - kubernetes/init node1" \
        "stop node2 kubernetes/join node2" \
        "blink node4 kubernetes/join node4"
    installed
}

before_upgrade() {
    bare_site
    create_cluster fault-before
    write_keys
    keys=$(etcd_keys)
    name_next_release
}

upgraded() {
    eventually 120 "all five nodes run $next and take pods" all_run "$next"
    healthy
    [[ $(etcd_keys) == "$keys" ]] || fail "etcd holds other keys than before"
    kk fault-upgrade-again "${upgrade[@]}"
    says "$work/log/fault-upgrade-again.log" 'upgrade: 5 hosts, 0 changed, '
    ok "all 10000 keys are as they were, and the same command changes nothing"
}

upgrade1() {
    before_upgrade
    chain upgrade "${upgrade[@]}" -- \
        "full $small images/pull $small" \
        "kill - upgrade/control-plane node1" \
        "stop node2 upgrade/control-plane node2" \
        "cut $small upgrade/kubelet $small" \
        "kill - upgrade/node node4"
    upgraded
}

upgrade2() {
    before_upgrade
    chain upgrade "${upgrade[@]}" -- \
        "kill - push/push-images (this machine)" \
        "cut node1 upgrade/control-plane node1" \
        "full $small upgrade/control-plane $small" \
        "stop node4 upgrade/kubelet node4" \
        "stop node5 upgrade/node node5"
    upgraded
}

prepare
make_upgrade_bundle
echo "verb|what befalls it|while|kk|the next run" >"$table"
for part in ${KK_FAULTS:-create1 create2 upgrade1 upgrade2}; do
    case $part in
        create1 | create2 | upgrade1 | upgrade2) say "  $part" && "$part" ;;
        *) die "KK_FAULTS knows no $part" ;;
    esac
done
column -t -s '|' "$table" | cut -c1-200 | sed 's/^/  /' >&2
