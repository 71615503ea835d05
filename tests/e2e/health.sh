# shellcheck shell=bash
# What a healthy cluster is, asked of the cluster itself. Sourced by lib.sh.
# shellcheck disable=SC2154

healthy() {
    eventually 120 "${#nodes[@]} nodes are Ready" nodes_are_ready
    eventually 60 "etcd has three healthy members" etcd_is_healthy
    eventually 120 "CoreDNS, flannel and kube-proxy run" system_pods_run
    eventually 120 "HAProxy and the control planes run" static_pods_run
}

nodes_are_ready() {
    local lines
    lines=$(kubectl get nodes --no-headers)
    [[ $(awk '$2 == "Ready" { print $1 }' <<<"$lines" | sort | paste -sd' ') == "${nodes[*]}" ]] && [[ $(wc -l <<<"$lines") -eq ${#nodes[@]} ]]
}

etcdctl() {
    on "$1" etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/ssl/etcd/ssl/ca.pem \
        --cert /etc/ssl/etcd/ssl/member.pem --key /etc/ssl/etcd/ssl/member-key.pem "${@:2}"
}

# Three members that are voters, and each of them answers.
etcd_is_healthy() {
    [[ $(etcdctl node1 member list -w json | jq '[.members[] | select((.isLearner // false) | not)] | length') -eq 3 ]] &&
        [[ $(etcdctl node1 endpoint health --cluster -w json 2>/dev/null | jq '[.[] | select(.health)] | length') -eq 3 ]]
}

system_pods_run() {
    kubectl -n kube-system rollout status deployment/coredns --timeout 1s &&
        kubectl -n kube-flannel rollout status daemonset/kube-flannel-ds --timeout 1s &&
        kubectl -n kube-system rollout status daemonset/kube-proxy --timeout 1s
}

static_pods_run() {
    local pods name
    pods=$(kubectl -n kube-system get pods --no-headers | awk '$2 == "1/1" && $3 == "Running" { print $1 }')
    for name in kube-apiserver kube-controller-manager kube-scheduler; do
        [[ $(grep -cE "^$name-node[123]$" <<<"$pods") -eq 3 ]] || { echo "$name does not run thrice"; return 1; }
    done
    grep -qx 'haproxy-node4' <<<"$pods" || { echo "haproxy does not run"; return 1; }
}

# The registry's answer for a path of its API, asked as the hosts do.
ask_registry() {
    curl -fsS --max-time 20 --cacert "$site/pki/registry-ca.crt" \
        --resolve "dockerhub.kubekey.local:443:$(address node5)" \
        --netrc-file <(printf 'machine dockerhub.kubekey.local login admin password %s\n' "$(<"$site/pki/registry.password")") \
        -H 'Accept: application/vnd.oci.image.index.v1+json' -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
        "${@:2}" "https://dockerhub.kubekey.local/v2/$1"
}

# 10,000 keys, in transactions of as many as etcd takes at once; and what they are, as one line.
write_keys() {
    local from
    for ((from = 0; from < 10000; from += 125)); do
        { echo; seq -f %05g "$from" $((from + 124)) | sed 's|.*|put /kk-test/& value-of-&|'; echo; echo; } | etcdctl node1 txn >/dev/null
    done
}
etcd_keys() { etcdctl node2 get --prefix /kk-test/ | sha256sum; }

# unwell NAME [CONCERN]: what `kk status` finds not well, a line each, of this concern alone where one is named. Disks are left
# out: hosts of the lab have those of this machine, however full they are.
unwell() {
    local status=0
    "$KK" status -f "$cluster_file" --known-hosts "$state/known_hosts" --output json >"$work/log/$1.json" 2>"$work/log/$1.err" || status=$?
    [[ $status -eq 0 || $status -eq 12 ]] || { tail -n 20 "$work/log/$1.err" >&2; fail "kk status ended with $status"; }
    jq -r --arg only "${2:-}" '.concerns[] | select(.name != "disk" and ($only == "" or .name == $only)) | . as $concern
        | .lines[] | select(.well | not) | "\(.host // $concern.name) \(.subject): \(.detail)"' "$work/log/$1.json"
}

# all_well NAME: of all that `kk status` looks at.
all_well() {
    local found
    found=$(unwell "$1")
    [[ ! $found ]] || fail "not all is well: $found"
}
