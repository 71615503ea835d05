#!/usr/bin/env bash
# Each control-plane host in turn is shut down: nobody notices but kubectl get nodes.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

from_operator() { kubectl get --raw /readyz; }
from_worker() {
    on node4 kubectl --kubeconfig /etc/kubernetes/kubelet.conf --server https://lb.kubesphere.local:6443 \
        --request-timeout 10s get --raw /readyz
}
kubelet_uses_endpoint() { on node4 grep -q 'server: https://lb.kubesphere.local:6443' /etc/kubernetes/kubelet.conf; }
is_not_ready() { kubectl get node "$1" --no-headers | grep -qw NotReady; }
make_pod() { kubectl run "$1" --image nginx:1.22.1 --restart Never; }

prepare
need_cluster
kubelet_uses_endpoint || fail "node4's kubelet does not speak to lb.kubesphere.local"
for host in "${control_planes[@]}"; do
    kubectl delete pod "without-$host" --ignore-not-found --grace-period 0 >/dev/null 2>&1
    # One of them without a word: its plug is pulled.
    if [[ $host == node2 ]]; then lab kill "$host"; else lab stop "$host"; fi
    say "  $host is stopped"
    # Comes back whatever becomes of the case.
    trap 'lab start "$host"' EXIT
    eventually 60 "the API answers the operator through the endpoint" from_operator
    eventually 60 "the API answers node4 as lb.kubesphere.local" from_worker
    eventually 60 "a pod can be made" make_pod "without-$host"
    eventually 120 "it is scheduled and runs" kubectl wait --for condition=Ready "pod/without-$host" --timeout 1s
    eventually 120 "the cluster knows that $host is gone" is_not_ready "$host"
    from_operator >/dev/null || fail "the API does not answer once $host is known to be gone"
    lab start "$host"
    trap - EXIT
    say "  $host is back"
    healthy
    kubectl delete pod "without-$host" --grace-period 0 >/dev/null
done
