#!/usr/bin/env bash
# A second create looks at everything and changes nothing.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

prepare
need_cluster
before=$(for host in "${hosts[@]}"; do settings_of "$host"; done)
seconds_of create_cluster rerun
says "$work/log/rerun.log" 'create cluster: 5 hosts, 0 changed, '
after=$(for host in "${hosts[@]}"; do settings_of "$host"; done)
[[ $before == "$after" ]] || { diff <(echo "$before") <(echo "$after") >&2; fail "a second create changed hosts"; }
ok "0 changed, and the hosts' files and services say so too"
say "rerun took $seconds s (target: 30)"
