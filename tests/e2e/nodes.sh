#!/usr/bin/env bash
# Hosts leave a cluster and come back: the first control plane with its member of etcd, and the only worker. Nobody may
# leave who would take etcd's majority along.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

hosts_flags=(--known-hosts "$state/known_hosts" --yes)

# without HOST: the lab's cluster file without it, beside the lab's own, so that it is the same site.
without() {
    local file=$state/cluster-without-$1.yaml
    awk -v host="$1" '
        /^    - name: / { skip = ($3 == host) }
        /^  [a-zA-Z]/ { skip = 0 }
        !skip' "$cluster_file" |
        sed -E "/^    (etcd|control-plane|worker): /{s/, $1([],])/\1/; s/\[$1, /[/; s/\[$1\]/[]/}" >"$file"
    printf '%s\n' "$file"
}

# members VIA NAME…: these are etcd's members, each has a vote and answers.
members() {
    local via=$1
    shift
    [[ $(etcdctl "$via" member list -w json | jq -r '[.members[] | select((.isLearner // false) | not) | .name] | sort | join(" ")') == "$*" ]] &&
        [[ $(etcdctl "$via" endpoint health --cluster -w json 2>/dev/null | jq '[.[] | select(.health)] | length') -eq $# ]]
}

# asks HOST URL…: the host's API server runs with exactly these members of etcd.
asks() {
    local host=$1 urls
    shift
    urls=$(printf 'https://%s:2379\n' "$@" | paste -sd,)
    on "$host" pgrep -f "^kube-apiserver .*--etcd-servers=$urls( |\$)" >/dev/null
}

ready_nodes() { [[ $(kubectl get nodes --no-headers | awk '$2 == "Ready" { print $1 }' | sort | paste -sd' ') == "$*" ]]; }
api_answers() { kubectl get --raw /readyz; }
web_runs() { kubectl rollout status deployment/web --timeout 1s; }

# unchanged NAME FILE: a create with this file has nothing to do.
unchanged() {
    kk "$1" create cluster -f "$2" -a "$bundle" "${hosts_flags[@]}"
    says "$work/log/$1.log" 'create cluster: [45] hosts, 0 changed, '
    ok "a create with the edited file changes nothing"
}

prepare
need_cluster
# Snapshots stay on a host that leaves, and those of another case would make it look less than bare.
for host in "${control_planes[@]}"; do on "$host" find /var/backups/kube_etcd -type f -delete; done
healthy
kubectl create deployment web --image nginx:1.22.1 --replicas 2 --dry-run=client -o yaml | kubectl apply -f - >/dev/null
eventually 120 "two pods run on the worker" web_runs

say "  who may not leave"
refused node-unknown 3 delete node nod4 -f "$cluster_file" "${hosts_flags[@]}"
says "$work/log/node-unknown.log" 'did you mean "node4"'
refused node-registry 5 delete node node5 -f "$cluster_file" "${hosts_flags[@]}"
says "$work/log/node-registry.log" 'runs the registry'
on node2 systemctl stop etcd
refused node-quorum 5 delete node node1 -f "$cluster_file" "${hosts_flags[@]}"
on node2 systemctl start etcd
says "$work/log/node-quorum.log" 'etcd would lose its majority: without node1, 1 of 2 members would be healthy' 'start etcd on node2 first'
eventually 60 "etcd has its three members" members node1 node1 node2 node3
ok "a host that would take etcd's majority along is refused"

say "  node1 leaves: the first control plane, with etcd"
kk node1-dry-run delete node node1 -f "$cluster_file" "${hosts_flags[@]}" --dry-run
eventually 10 "a dry run changes nothing" members node1 node1 node2 node3
"$KK" delete node node1 -f "$cluster_file" "${hosts_flags[@]}" >"$work/log/node1-cut.log" 2>&1 </dev/null &
cut=$!
eventually 120 "node1 is no member any more" members node2 node2 node3
kill -KILL "$cut"
{ wait "$cut" || true; } 2>/dev/null
refused node1-over-cut 5 create cluster -f "$cluster_file" -a "$bundle" "${hosts_flags[@]}"
says "$work/log/node1-over-cut.log" 'node1: a kk delete node node1 was cut off there' '^hint: .*kk delete node node1'
ok "a create in place of a delete that was cut off is refused"
seconds_of kk node1-leaves delete node node1 -f "$cluster_file" "${hosts_flags[@]}"
say "  delete node node1 took $seconds s"
says "$work/log/node1-leaves.log" 'the host node1 in spec.hosts' 'node1 in spec.roleGroups.etcd' 'node1 in spec.roleGroups.control-plane'
eventually 60 "the API answers" api_answers
eventually 60 "etcd has two members" members node2 node2 node3
eventually 60 "three nodes are Ready" ready_nodes node2 node3 node4
web_runs >/dev/null || fail "the pods do not run any more"
for host in node2 node3; do asks "$host" "$(address node2)" "$(address node3)" || fail "the API server of $host asks others"; done
on node4 grep -q 'server node1' /etc/kubekey/haproxy/haproxy.cfg && fail "node4's HAProxy still asks node1"
on node2 grep -q node1 /etc/etcd/etcd.yaml && fail "node2's etcd.yaml still names node1"
on node5 grep -q node1 /etc/hosts && fail "node5's /etc/hosts still names node1"
bare node1
ok "it is forgotten everywhere, and bare"
smaller=$(without node1)
unchanged node1-rerun "$smaller"

say "  node1 comes back"
seconds_of kk node1-joins add nodes -f "$cluster_file" -a "$bundle" "${hosts_flags[@]}"
say "  add nodes took $seconds s"
healthy
for host in node1 node2 node3; do
    asks "$host" "$(address node1)" "$(address node2)" "$(address node3)" || fail "the API server of $host asks others"
done
on node1 grep -qx 'initial-cluster-state: existing' /etc/etcd/etcd.yaml || fail "node1's etcd was told to begin anew"
web_runs >/dev/null || fail "the pods do not run any more"
unchanged node1-back-rerun "$cluster_file"

say "  node4 leaves: the only worker"
kubectl create poddisruptionbudget web --selector app=web --min-available 2 >/dev/null
refused node4-budget 7 delete node node4 -f "$cluster_file" "${hosts_flags[@]}" --timeout-drain 15
says "$work/log/node4-budget.log" 'PodDisruptionBudget default/web lets no pod go now' 'default/web-'
kubectl delete poddisruptionbudget web >/dev/null
kubectl uncordon node4 >/dev/null
# Pods that may run on a node which takes no more pods come back to it as often as they are sent away.
kubectl patch deployment web --type merge -p \
    '{"spec":{"template":{"spec":{"tolerations":[{"key":"node.kubernetes.io/unschedulable","operator":"Exists"}]}}}}' >/dev/null
eventually 120 "pods that tolerate a cordon run" kubectl rollout status deployment web --timeout 1s
kubectl run alone --image nginx:1.22.1 >/dev/null
eventually 60 "a pod of nobody's runs there" kubectl wait --for condition=Ready pod/alone --timeout 1s
refused node4-bare-pod 5 delete node node4 -f "$cluster_file" "${hosts_flags[@]}"
says "$work/log/node4-bare-pod.log" 'pod default/alone' '--force deletes them for good'
seconds_of kk node4-leaves delete node node4 -f "$cluster_file" "${hosts_flags[@]}" --force
say "  delete node node4 took $seconds s"
says "$work/log/node4-leaves.log" 'node4 is the last worker' 'the host node4 in spec.hosts'
eventually 60 "three nodes are Ready" ready_nodes node1 node2 node3
bare node4
smaller=$(without node4)
unchanged node4-rerun "$smaller"
kk node4-joins add nodes -f "$cluster_file" -a "$bundle" "${hosts_flags[@]}"
healthy
eventually 120 "the pods run on it again" web_runs
unchanged node4-back-rerun "$cluster_file"

say "  history"
kk history history -f "$cluster_file"
says "$work/log/history.log" 'create cluster .* done ' 'delete node node1 .* done ' 'add nodes .* done ' \
    'delete node node4 .* failed at nodes/drain on node1 ' 'delete node node4 .* done '
[[ $(tail -n +2 "$work/log/history.log" | wc -l) -eq $(find "$site/journal" -name '*.jsonl' | wc -l) ]] || fail "history does not list every run"
run=$(awk '/delete node node1 .* done/ { print $1 }' "$work/log/history.log")
kk history-show history show "$run" -f "$cluster_file"
says "$work/log/history-show.log" 'nodes/drain' 'etcd/remove-member' 'remove/kubernetes'
ok "every run is listed, and one is shown step by step"
kubectl delete deployment web >/dev/null
