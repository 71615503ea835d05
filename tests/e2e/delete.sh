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

# Cut off while nodes go, it is to be ended: a create over what is left is refused, and says so.
goes() { ! on node1 systemctl is-active --quiet kubelet.service; }
"$KK" delete cluster -f "$cluster_file" --known-hosts "$state/known_hosts" --yes --all >"$work/log/delete-cut.log" 2>&1 </dev/null &
cut=$!
eventually 120 "node1 has begun to go" goes
kill -KILL "$cut"
{ wait "$cut" || true; } 2>/dev/null
refused create-over-delete 5 "${create[@]}"
says "$work/log/create-over-delete.log" 'a kk delete cluster was cut off there' '^hint: .*kk delete cluster'
ok "a delete that is cut off is told to whoever creates"
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
