#!/usr/bin/env bash
# etcd: how it is, snapshots of it by command and by timer, and a cluster whose members have all lost their data.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

reach=(-f "$cluster_file" --known-hosts "$state/known_hosts")
backups=/var/backups/kube_etcd
snapshots() { on "$1" find "$backups" -maxdepth 1 -name '*.db' -printf '%f\n' | sort; }
# Not faster than systemd lets a service be started.
take_by_timer() { sleep 2.2; on "$1" systemctl start etcd-backup.service; }
restored() { kk "$1" etcd restore "$snapshot" "${reach[@]}" --yes; }

# restore_killed SECONDS: kk is killed so long after it began.
restore_killed() {
    local pid
    "$KK" etcd restore "$snapshot" "${reach[@]}" --yes >"$work/log/etcd-killed-$1.log" 2>&1 </dev/null &
    pid=$!
    sleep "$1"
    if kill -KILL "$pid" 2>/dev/null; then ok "killed after $1 s"; else say "  it had ended within $1 s"; fi
    wait "$pid" 2>/dev/null || true
}

prepare
need_cluster
kk etcd-status etcd status "${reach[@]}"
says "$work/log/etcd-status.log" '^HOST ' '^node1 .* healthy$' '^node2 .* healthy$' '^node3 .* healthy$' ' leader '
ok "three members are healthy, and the exit code says so"

for host in "${control_planes[@]}"; do
    on "$host" systemctl is-active --quiet etcd-backup.timer || fail "no timer for snapshots runs on $host"
done
for _ in 1 2 3 4 5 6; do take_by_timer node1; done
[[ $(snapshots node1 | wc -l) -eq 5 ]] || fail "node1 keeps other than 5 snapshots: $(snapshots node1)"
[[ $(on node1 stat -c '%a %a' "$backups" "$backups/$(snapshots node1 | tail -n 1)" | paste -sd' ') == '700 700 600 600' ]] ||
    fail "others may read node1's snapshots"
ok "six runs of the timer's service leave five snapshots, and nobody else may read them"

seconds_of write_keys
say "  10000 keys took $seconds s"
# On a disk that is full the snapshots that are there stay, and nothing half done is left.
on node3 mount -t tmpfs -o size=48m tmpfs "$backups"
take_by_timer node3
for _ in 1 2 3 4 5 6 7 8 9; do take_by_timer node3 2>/dev/null || break; done
kept=$(snapshots node3)
on node3 dd if=/dev/zero of="$backups/filler" bs=1M count=48 2>/dev/null || true
if take_by_timer node3 2>/dev/null; then fail "a snapshot fits on a full disk"; fi
[[ $(snapshots node3) == "$kept" ]] || fail "a full disk has cost node3 snapshots"
[[ ! $(on node3 find "$backups" -name '*.part') ]] || fail "half a snapshot was left on node3"
on node3 umount "$backups"
on node3 systemctl reset-failed etcd-backup.service
ok "a full disk costs no snapshot ($(wc -l <<<"$kept") are there)"

kubectl create deployment etcd-case --image nginx:1.22.1 --replicas 2 >/dev/null
eventually 120 "two pods run" kubectl rollout status deployment/etcd-case --timeout 1s
kubectl create configmap before-the-backup --from-literal a=b >/dev/null
seconds_of kk etcd-backup etcd backup "${reach[@]}"
say "  backup took $seconds s"
snapshot=$(awk '$1 == "snapshot" { print $2 }' "$work/log/etcd-backup.log")
[[ $(stat -c %a "$snapshot" "$snapshot.json" "${snapshot%/*}" | paste -sd' ') == '600 600 700' ]] || fail "others may read $snapshot"
[[ $(jq -r .sha256 "$snapshot.json") == "sha256:$(sha256sum <"$snapshot" | cut -d' ' -f1)" ]] || fail "$snapshot.json names another digest"
[[ $(jq -r .totalKeys "$snapshot.json") -gt 10000 ]] || fail "$snapshot.json counts $(jq -r .totalKeys "$snapshot.json") keys"
ok "a snapshot was fetched: $(du -h "$snapshot" | cut -f1), revision $(jq -r .revision "$snapshot.json")"
before=$(etcd_keys)
kubectl create configmap after-the-backup --from-literal a=b >/dev/null

lab stop node3
refused etcd-status-away 9 etcd status "${reach[@]}"
says "$work/log/etcd-status-away.log" '^node1 .* healthy$' '^node3 .* cannot connect' '1 of 3 members of etcd are not well'
lab start node3
ok "a host that cannot be reached is a line of the table, and exit code 9"
eventually 120 "node3's member is back" etcd_is_healthy

for host in "${control_planes[@]}"; do on "$host" sh -c 'systemctl stop etcd && rm -rf /var/lib/etcd/member'; done
refused etcd-status-lost 9 etcd status "${reach[@]}"
says "$work/log/etcd-status-lost.log" '^node1 .* etcd.service is inactive' '3 of 3 members of etcd are not well'
refused etcd-backup-lost 7 etcd backup "${reach[@]}"
ok "all members have lost their data, and status says so with exit code 9"

head -c 1000000 "$snapshot" >"$work/cut.db"
refused etcd-restore-cut 3 etcd restore "$work/cut.db" "${reach[@]}" --yes
refused etcd-restore-nobody 8 etcd restore "$snapshot" "${reach[@]}"
says "$work/log/etcd-restore-nobody.log" 'All that has changed in Kubernetes since then is lost' 'No member of etcd is well now'
kk etcd-restore-dry etcd restore "$snapshot" "${reach[@]}" --dry-run
says "$work/log/etcd-restore-dry.log" 'Make the member anew from the snapshot' 'Stop the API server'
[[ ! -e $site/etcd-restore.json ]] || fail "a dry run has begun a restoration"
for second in 4 9 16; do restore_killed "$second"; done
seconds_of restored etcd-restore
say "  restore took $seconds s after three that were killed"
[[ ! -e $site/etcd-restore.json ]] || fail "the restoration is not over"
[[ $(etcd_keys) == "$before" ]] || fail "etcd holds other keys than before"
ok "all 10000 keys are as they were"
healthy
eventually 120 "the pods are back" kubectl rollout status deployment/etcd-case --timeout 1s
kubectl get configmap before-the-backup >/dev/null || fail "what was there before the backup is lost"
if kubectl get configmap after-the-backup >/dev/null 2>&1; then fail "what came after the backup is still there"; fi
kubectl create configmap after-the-restore --from-literal a=b >/dev/null
ok "the cluster is as it was when the snapshot was taken, and takes changes"
kk etcd-status-restored etcd status "${reach[@]}"
create_cluster etcd-rerun
says "$work/log/etcd-rerun.log" 'create cluster: 5 hosts, 0 changed, '
ok "a create afterwards changes nothing"

# Again, over members that work: their data is kept aside.
seconds_of restored etcd-restore-again
say "  restore over a cluster that works took $seconds s"
healthy
if kubectl get configmap after-the-restore >/dev/null 2>&1; then fail "what came after the backup is still there"; fi
# Beside the folder, or in it where it is a disk of its own.
kept_data='ls -d /var/lib/etcd.before-restore-*/member /var/lib/etcd/before-restore-*/member 2>/dev/null | wc -l'
[[ $(on node1 sh -c "$kept_data") -ge 1 ]] || fail "the old data is not kept"
ok "restored once more over members that worked; their data is kept aside"
kubectl delete deployment etcd-case >/dev/null
kubectl delete configmap before-the-backup >/dev/null
etcdctl node1 del --prefix /kk-test/ >/dev/null
for host in "${control_planes[@]}"; do on "$host" sh -c 'rm -rf /var/lib/etcd.before-restore-* /var/lib/etcd/before-restore-*'; done
