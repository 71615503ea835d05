#!/usr/bin/env bash
# One minor further, of three control planes and two workers, under a client that calls a Service all the while. kk is
# killed on the way, and what is in the way is refused before anything is touched.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck source=tests/e2e/release.sh
source "$checkout/tests/e2e/release.sh"

calls=$work/log/calls
probes=$work/log/probes

two_workers() {
    if [[ -e $kubeconfig ]] && grep -q '^    worker: \[node4, node5\]$' "$cluster_file" && all_run "$kubernetes"; then return; fi
    fresh_lab
    let_registry_work
    create_cluster upgrade-before
    healthy
}

shop() {
    kubectl apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {matchLabels: {app: web}}
      containers:
      - name: web
        image: docker.io/library/nginx:1.22.1
        ports: [{containerPort: 80}]
        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}
        lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec:
  minAvailable: 2
  selector: {matchLabels: {app: web}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80}]
YAML
    eventually 120 "three replicas run" kubectl -n shop rollout status deployment/web --timeout 1s
}

# Five times a second from node2, by the Service's address: a call that fails is made again for two seconds.
client() {
    # shellcheck disable=SC2016
    docker exec -i "$lab_name-node2" bash -c '
        call() { timeout 1 bash -c "exec 3<>/dev/tcp/$0/80 && printf \"GET / HTTP/1.0\r\n\r\n\" >&3 && grep -q nginx <&3" "$1" 2>/dev/null; }
        while :; do
            begun=$(date +%s%N) outcome=ok
            if ! call "$0"; then
                outcome=lost
                while (($(date +%s%N) - begun < 2000000000)); do
                    if call "$0"; then outcome=healed; break; fi
                    sleep 0.1
                done
            fi
            echo "$(date +%s.%N) $outcome"
            left=$((200000000 - ($(date +%s%N) - begun)))
            ((left <= 0)) || sleep "0.$(printf %09d "$left")"
        done' "$1" >"$calls"
}

# The endpoint as node4 reaches it, through its own balancer.
probe() {
    while :; do
        if curl -sk --max-time 1 -o /dev/null -w '%{http_code}' "https://$(address node4):6443/readyz" | grep -q 200; then
            date +%s.%N
        fi
        sleep 0.2
    done >"$probes"
}

begin_watching() {
    client "$(kubectl -n shop get service web -o jsonpath='{.spec.clusterIP}')" &
    watchers=($!)
    probe &
    watchers+=($!)
    trap end_watching EXIT
}

end_watching() {
    trap - EXIT
    kill "${watchers[@]}" 2>/dev/null || true
    wait "${watchers[@]}" 2>/dev/null || true
    on node2 pkill -f /dev/tcp 2>/dev/null || true
}

# upgrade_killed SECONDS: kk is killed so long after it began to work on hosts.
upgrade_killed() {
    local log=$work/log/upgrade-killed-$1.log pid waited=0
    : >"$log"
    "$KK" "${upgrade[@]}" >"$log" 2>&1 </dev/null &
    pid=$!
    until grep -q "Upgrade the control plane\|Upgrade etcd" "$log" || [[ ! -d /proc/$pid ]] || ((waited++ > 600)); do sleep 1; done
    sleep "$1"
    if kill -KILL "$pid" 2>/dev/null; then ok "killed $1 s into the hop"; else say "  it had ended within $1 s"; fi
    wait "$pid" 2>/dev/null || true
}

prepare
make_upgrade_bundle
two_workers
seconds_of write_keys
say "  10000 keys took $seconds s"
before=$(etcd_keys)
shop

say "  what is refused"
# The file still names the release that runs, which the bundle does not hold.
refused upgrade-same 4 "${upgrade[@]}"
name_next_release
refused upgrade-create 5 create cluster "${reach[@]}" -a "$upgrade_bundle" --yes
says "$work/log/upgrade-create.log" "node1 runs $kubernetes" 'kk upgrade brings a cluster to a newer release'
kubectl -n shop patch poddisruptionbudget web --type merge -p '{"spec":{"minAvailable":3}}' >/dev/null
sleep 2
refused upgrade-budget 5 "${upgrade[@]}"
says "$work/log/upgrade-budget.log" 'PodDisruptionBudget shop/web lets no pod go: 3 of its 3 are healthy'
kubectl -n shop patch poddisruptionbudget web --type merge -p '{"spec":{"minAvailable":2}}' >/dev/null
on node3 systemctl stop etcd
refused upgrade-etcd 5 "${upgrade[@]}"
on node3 systemctl start etcd
says "$work/log/upgrade-etcd.log" 'etcd: node3: '
eventually 60 "etcd has its three members" etcd_is_healthy
kk upgrade-dry "${upgrade[@]}" --dry-run
says "$work/log/upgrade-dry.log" "To $next, without disturbing anybody" 'Upgrade the control plane to'
all_run "$kubernetes" || fail "what was refused has changed something"
ok "what stands in the way is told, and nothing is changed"

begin_watching
sleep 5
for second in 20 60; do upgrade_killed "$second"; done
seconds_of kk upgrade "${upgrade[@]}"
say "  the upgrade took $seconds s after two that were killed"
sleep 5
end_watching

eventually 60 "all five nodes run $next and take pods" all_run "$next"
healthy
[[ $(etcd_keys) == "$before" ]] || fail "etcd holds other keys than before"
ok "all 10000 keys are as they were"
total=$(wc -l <"$calls") healed=$(grep -c healed "$calls" || true) lost=$(grep -c lost "$calls" || true)
say "  $total calls, $healed healed by a retry, $lost lost"
((total > 300)) || fail "hardly anybody called"
((lost == 0)) || fail "$lost calls were lost: $(grep lost "$calls" | head -n 5)"
gap=$(awk 'NR > 1 && $1 - last > worst { worst = $1 - last } { last = $1 } END { printf "%.1f", worst }' "$probes")
say "  the endpoint was away for $gap s at most, of $(wc -l <"$probes") answers"
awk -v gap="$gap" 'BEGIN { exit !(gap <= 5) }' || fail "the endpoint was away for $gap s"
ok "no call was lost, and the endpoint stayed"
for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do
    [[ $(kubectl -n kube-system get pods -o jsonpath='{.items[*].spec.containers[0].image}' | tr ' ' '\n' | grep "/$name:" | sort -u) == *":$next" ]] ||
        fail "not every $name is of $next"
done
ls "$site"/etcd-backups/*.db >/dev/null || fail "no snapshot was fetched"
seconds_of kk upgrade-again "${upgrade[@]}"
says "$work/log/upgrade-again.log" 'upgrade: 5 hosts, 0 changed, '
ok "the same command once more changes nothing ($seconds s)"
kk upgrade-rerun create cluster "${reach[@]}" -a "$upgrade_bundle" --yes
says "$work/log/upgrade-rerun.log" 'create cluster: 5 hosts, 0 changed, '
ok "a create with the new bundle changes nothing"
