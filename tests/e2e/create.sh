#!/usr/bin/env bash
# A cluster from bare hosts, while all that passes the lab's network is recorded.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# By the routes and the rules of the network, not by trying: nothing can leave, and nothing can come in.
no_way_out() {
    [[ $(docker network inspect -f '{{.Internal}}' "$lab_name") == true ]] || fail "the lab's network is not internal"
    local rule
    for rule in "! -s $KK_LAB_SUBNET/24 -o ${lab_name}0" "! -d $KK_LAB_SUBNET/24 -i ${lab_name}0"; do
        # shellcheck disable=SC2086
        iptables -C DOCKER-ISOLATION-STAGE-1 $rule -j DROP || fail "packets could cross the lab's border: no rule $rule"
    done
    ok "the hosts have no way out"
}

prepare
fresh_lab
no_way_out
lab capture start
seconds_of create_cluster create
lab capture stop
echo "$seconds" >"$work/create.seconds"
say "create took $seconds s (target: 240)"
grep -E 'create cluster: ' "$work/log/create.log" | sed 's/^/  /' >&2
lab capture report >"$work/log/capture.log" || { cat "$work/log/capture.log" >&2; fail "packets were for outside the lab"; }
sed 's/^/  /' "$work/log/capture.log" >&2
[[ $(awk -F: '/^between the lab/ { print $2 + 0 }' "$work/log/capture.log") -gt 10000 ]] || fail "hardly anything was captured"
ok "no packet to anything but the lab's addresses"
healthy
[[ $(stat -c %a "$kubeconfig") == 600 ]] || fail "the kubeconfig may be read by others: $(stat -c %a "$kubeconfig")"
ok "the kubeconfig is its owner's alone"
kk receipt receipt -f "$cluster_file"
says "$work/log/receipt.log" '^installed ' "$("$KK" artifact inspect -a "$bundle" | awk '/^digest / { print $2; exit }')"
kk receipt-check receipt check "$work/log/receipt.log" --key "$site/receipt-key.pub"
ok "the site's receipt names the bundle"
