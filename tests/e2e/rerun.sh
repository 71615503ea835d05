#!/usr/bin/env bash
# A second create looks at everything and changes nothing.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

prepare
need_cluster
before=$(for host in "${hosts[@]}"; do settings_of "$host"; done)
seconds_of create_cluster rerun
rerun_seconds=$seconds
says "$work/log/rerun.log" 'create cluster: 5 hosts, 0 changed, '
after=$(for host in "${hosts[@]}"; do settings_of "$host"; done)
[[ $before == "$after" ]] || { diff <(echo "$before") <(echo "$after") >&2; fail "a second create changed hosts"; }
ok "0 changed, and the hosts' files and services say so too"

# A plan is saved and approved; the site changes before it is run.
plan=$work/approved.json
rm -f "$plan"
on node1 sed -i 's/$/ /' /etc/sysctl.d/99-kk.conf
kk plan-save plan -f "$cluster_file" -a "$bundle" --known-hosts "$state/known_hosts" --save "$plan"
says "$work/log/plan-save.log" '; 1 of [0-9]+ parts would change$' 'file /etc/sysctl.d/99-kk.conf'
[[ $(jq -c '[.work[] | .work[] | {hosts, parts: [.steps[].parts[].what]}]' "$plan") == *'{"hosts":["node1"],"parts":["file /etc/sysctl.d/99-kk.conf"]}'* ]] ||
    fail "the plan for programs says something else: $(jq -c .work "$plan")"
on node4 sed -i 's/$/ /' /etc/crictl.yaml
refused plan-other 5 "${create[@]}" --plan "$plan"
says "$work/log/plan-other.log" 'what would be done now is not what' '^ *\+ .* file /etc/crictl.yaml$'
on node4 sed -i 's/ $//' /etc/crictl.yaml
kk plan-run "${create[@]}" --plan "$plan"
says "$work/log/plan-run.log" 'create cluster: 5 hosts, [12] changed, '
ok "an approved plan runs where the site is as it was, and nowhere else"

# What somebody has changed by hand is told, file by file, and a create puts it right.
found=$(unwell status-before drift)
[[ ! $found ]] || fail "drift on hosts that nobody has touched: $found"
[[ $(jq '[.concerns[] | select(.name == "drift") | .lines[] | select(.detail | test("^[0-9]+ files, .* as kk left them$"))] | length' "$work/log/status-before.json") -eq 5 ]] ||
    fail "not all five hosts were compared"
on node4 sh -c 'echo "# by hand" >>/etc/crictl.yaml; chmod 0644 /usr/local/bin/kubelet'
unwell status-drift drift >"$work/log/status-drift.txt"
says "$work/log/status-drift.txt" '^node4 file /etc/crictl.yaml: other content; lines added: 1, missing: 0$' '^node4 file /usr/local/bin/kubelet: '
[[ $(wc -l <"$work/log/status-drift.txt") -eq 2 ]] || fail "status tells of more than was changed"
says "$work/log/status-drift.err" '^hint: kk create cluster '
create_cluster drift-mended
says "$work/log/drift-mended.log" 'create cluster: 5 hosts, [1-9][0-9]* changed, '
found=$(unwell status-after drift)
[[ ! $found ]] || fail "a create has not put it right: $found"
ok "two files that were changed by hand are told by name, and a create puts them right"

# What somebody elsewhere needs, and no secret.
archive=$work/support.tar.gz
rm -rf "$archive" "$work/support" && mkdir "$work/support"
kk support-bundle support-bundle -f "$cluster_file" --known-hosts "$state/known_hosts" -o "$archive"
tar -xzf "$archive" -C "$work/support"
packed=$work/support/support-quickstart
for host in "${nodes[@]}"; do [[ $(wc -l <"$packed/hosts/$host/logs/kubelet.log") -gt 20 ]] || fail "no log of kubelet on $host"; done
says "$packed/hosts/node1/cluster.txt" 'node4 +Ready'
says "$packed/hosts/node1/etcd.txt" 'is healthy'
says "$packed/hosts/node5/logs/registry.log" 'registry'
says "$packed/site/status.json" '"cluster": "quickstart"'
while read -r secret; do
    if grep -rqF -- "$secret" "$packed"; then fail "a secret of the site is in the archive: $(grep -rlF -- "$secret" "$packed")"; fi
done < <(cat "$site/pki/registry.password"; sed -n 's/^.*password: *"\{0,1\}\([^", }]*\).*$/\1/p' "$cluster_file" | sort -u)
if grep -rqE 'PRIVATE KEY-----|client-key-data: [A-Za-z0-9]' "$packed"; then fail "a key is in the archive"; fi
ok "an archive for support: $(tar -tzf "$archive" | wc -l) files, $(du -h "$archive" | cut -f1), without secrets"
say "rerun took $rerun_seconds s"
