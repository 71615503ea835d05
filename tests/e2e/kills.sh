#!/usr/bin/env bash
# `kk create cluster` is killed (SIGKILL) at ten moments spread over it. Each time the next run makes of the hosts,
# as they were left, the same healthy cluster.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

moments=10
wanted=${KK_KILLS:-2}
table=$work/log/kills.table

# Bare hosts again: every third time new ones, else by `kk delete cluster`, which has half-made ones to undo then.
bare_hosts() {
    if (($1 % 3 == 0)) || [[ ! -e $cluster_file ]]; then
        fresh_lab
        way="new hosts"
    else
        delete_cluster "kill-$1-delete"
        way="delete"
    fi
}

# killed_run NAME SECONDS: create, killed after that time; what it was at is put into $doing.
killed_run() {
    local log=$work/log/$1.json pid status=0 deadline
    doing=
    "$KK" "${create[@]}" --output json >"$log" 2>"$work/log/$1.log" </dev/null &
    pid=$!
    deadline=$(awk -v now="$(date +%s.%N)" -v wait="$2" 'BEGIN { printf "%.3f", now + wait }')
    while awk -v now="$(date +%s.%N)" -v end="$deadline" 'BEGIN { exit !(now < end) }' && [[ -d /proc/$pid ]]; do sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || status=$?
    if [[ $status -eq 0 ]]; then doing="(had ended)"; return; fi
    [[ $status -eq 137 ]] || { tail -n 20 "$work/log/$1.log" >&2; fail "$1: create ended by itself with exit code $status"; }
    doing=$(running_steps "$log")
}

# Steps that had begun and not ended, by the events; phases before there are steps.
running_steps() {
    grep -a '}$' "$1" | jq -rs '
        (map(select(.event == "step-started")) | map([.host, .step])) - (map(select(.event == "step-done")) | map([.host, .step]))
        | group_by(.[1]) | map("\(.[0][1]) (\(map(.[0]) | join(" ")))") | join(", ")
        | if . == "" then "before the first step" else . end'
}

kill_and_converge() {
    local moment=$1 after twice=
    say "  moment $moment of $moments"
    bare_hosts "$moment"
    after=$(awk -v full="$full" -v k="$moment" -v n=$((moments + 1)) 'BEGIN { printf "%.1f", full * k / n }')
    killed_run "kill-$moment" "$after"
    local first=$doing
    # What an interrupted run left is then interrupted once more.
    if ((moment % 4 == 2)); then
        killed_run "kill-$moment-again" "$after"
        twice="; again after $after s: $doing"
    fi
    seconds_of create_cluster "kill-$moment-after"
    printf '%s|%s s|%s%s|%s s|%s\n' "$moment" "$after" "$first" "$twice" "$seconds" "$way" >>"$table"
    healthy
    create_cluster "kill-$moment-rerun"
    says "$work/log/kill-$moment-rerun.log" 'create cluster: 5 hosts, 0 changed, '
    ok "killed after $after s at: $first$twice; healthy after $seconds s, and a rerun changes nothing"
}

# A worker has the authority of a cluster that it has not joined. What works there ends with the run, and the next one lets it
# begin anew.
killed_in_a_join() {
    local try
    say "  in the middle of a join"
    for try in 1 2 3; do
        fresh_lab
        killed_while_node4_joins
        # In case it has not ended yet; what was written stays.
        if on node4 sh -c 'pkill -KILL -x kubeadm; test ! -e /var/lib/kk/kubernetes/joined'; then break; fi
        if ((try == 3)); then fail "kill-join: node4 had joined, three times"; fi
    done
    seconds_of create_cluster kill-join-after
    healthy
    create_cluster kill-join-rerun
    says "$work/log/kill-join-rerun.log" 'create cluster: 5 hosts, 0 changed, '
    ok "killed while node4 joined; healthy after $seconds s, and a rerun changes nothing"
}

killed_while_node4_joins() {
    local pid deadline=$((SECONDS + 600))
    "$KK" "${create[@]}" >"$work/log/kill-join.log" 2>&1 </dev/null &
    pid=$!
    until on node4 test -e /etc/kubernetes/pki/ca.crt; do
        if [[ ! -d /proc/$pid ]] || ((SECONDS >= deadline)); then fail "kill-join: no worker began to join"; fi
    done
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
}

# What a run has left at work on a host is waited for before the host is looked at.
waits_for_what_is_at_work() {
    local log=$work/log/kill-busy.log
    on node4 sh -c 'mkdir -p /run/kk; exec flock /run/kk/lock sleep 8' &
    sleep 1
    create_cluster kill-busy
    wait $!
    says "$log" 'Waiting for what an earlier run has left at work on node4' 'create cluster: 5 hosts, 0 changed, '
    ok "what was at work on node4 was waited for"
}

prepare
killed_in_a_join
waits_for_what_is_at_work
need_lab
if [[ ! -s $work/create.seconds ]]; then
    fresh_lab
    seconds_of create_cluster kill-measure
    echo "$seconds" >"$work/create.seconds"
fi
full=$(<"$work/create.seconds")
echo "moment|killed after|while|next run|hosts made bare by" >"$table"
# Fewer than ten are spread as well.
for ((i = 1; i <= wanted; i++)); do
    kill_and_converge $(((2 * i - 1) * moments / (2 * wanted) + 1))
done
column -t -s '|' "$table" | sed 's/^/  /' >&2
if ((wanted < moments)); then skip "kills: $((moments - wanted)) of $moments moments (KK_KILLS=$moments for all)"; fi
