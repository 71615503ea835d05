#!/usr/bin/env bash
# Hosts, the registry's among them, can only be reached through another one: an installation, its images and a look at its
# state go that way. What holds the kubeconfig does not, so the host of its address stays within reach.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The operator's address in the lab's network.
operator=${KK_LAB_SUBNET%.*}.1

prepare
fresh_lab
sed -i -E "s/^( +)- name: node[2-5]\$/&\n\1  proxyJump: $(address node1)/" "$cluster_file"
[[ $(grep -c proxyJump "$cluster_file") -eq 4 ]] || fail "the cluster file does not name the jump host four times"
for host in node2 node3 node5; do on "$host" ip route add blackhole "$operator/32"; done
if timeout 5 bash -c "</dev/tcp/$(address node2)/22" 2>/dev/null; then fail "node2 can be reached without a detour"; fi
ok "node2, node3 and node5 cannot be reached from here"

seconds_of create_cluster jump-create
say "  create took $seconds s"
healthy
create_cluster jump-again
says "$work/log/jump-again.log" 'create cluster: 5 hosts, 0 changed, '
all_well jump-status
[[ $(jq '[.concerns[] | select(.name == "registry") | .lines[]] | length' "$work/log/jump-status.json") -ge 1 ]] || fail "nobody looked at the registry"
ok "a rerun changes nothing, and status finds all well"

on node1 systemctl stop ssh
refused jump-gone 7 create cluster -f "$cluster_file" -a "$bundle" --known-hosts "$state/known_hosts" --yes
says "$work/log/jump-gone.log" '5 of 5 hosts cannot be reached' 'node4: through node1'
on node1 systemctl start ssh
ok "where the jump host is silent, each host says through whom it was to be reached"
