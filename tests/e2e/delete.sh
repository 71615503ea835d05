#!/usr/bin/env bash
# Delete leaves hosts as bare as they were, by a list; and another create works.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

prepare
need_cluster
kk delete-dry delete cluster -f "$cluster_file" --known-hosts "$state/known_hosts" --all --dry-run
says "$work/log/delete-dry.log" 'Plan for cluster quickstart' '/etc/kubernetes' '/usr/local/bin/etcd' '/etc/systemd/system/registry.service'
healthy
ok "a dry run shows what would go, and the cluster stands"
seconds_of delete_cluster delete
say "delete took $seconds s"
for host in "${hosts[@]}"; do bare "$host"; done
ok "no process, mount, link, unit, rule or file of kk is left on ${hosts[*]}"
[[ ! -e $kubeconfig ]] || fail "the kubeconfig of a cluster that is gone is still there"
delete_cluster delete-again
ok "a second delete has nothing to do: $(grep 'delete cluster: ' "$work/log/delete-again.log" || true)"
says "$work/log/delete-again.log" 'delete cluster: 5 hosts, 0 changed'
kk delete-dry-again delete cluster -f "$cluster_file" --known-hosts "$state/known_hosts" --all --dry-run
says "$work/log/delete-dry-again.log" '; 0 of [0-9]+ parts would change'
seconds_of create_cluster create-after-delete
say "create after delete took $seconds s"
healthy
