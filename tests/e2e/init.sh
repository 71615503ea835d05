#!/usr/bin/env bash
# The first stages of create alone: operating systems, then the registry. Create finds done what was done.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

flags=(-f "$cluster_file" --known-hosts "$state/known_hosts" --yes)
plan=$work/init-registry.json

# nothing_runs_on HOST…: no program and no service of a cluster is there, not even stopped.
nothing_runs_on() {
    local host left
    for host; do
        # shellcheck disable=SC2016
        left=$(on "$host" sh -c '
            for unit in kubelet containerd etcd registry; do
                systemctl cat $unit.service >/dev/null 2>&1 && echo "unit $unit.service"
            done
            for file in /etc/kubernetes /etc/cni /etc/containerd /etc/etcd /etc/registry /opt/cni; do
                [ ! -e "$file" ] || echo "file $file"
            done
            find /usr/local/bin /usr/local/sbin -type f ! -name lab-boot | sed "s/^/file /"' || true)
        [[ ! $left ]] || { say "$left"; fail "something of a cluster is on $host"; }
    done
}
no_delivery() { [[ ! -e $site/deliveries.json && ! -e $kubeconfig ]] || fail "$1 counts as an installation"; }
settings_of_nodes() { local host; for host in "${nodes[@]}"; do settings_of "$host"; done; }

operating_systems() {
    local host
    kk init-os-dry init os "${flags[@]}" -a "$bundle" --dry-run
    says "$work/log/init-os-dry.log" '^Plan for cluster quickstart: 1 stages, 5 steps on 5 hosts' ' \[os\]'
    for host in "${hosts[@]}"; do bare "$host"; done
    ok "a dry run tells of one stage on five hosts, and leaves them bare"
    kk init-os init os "${flags[@]}" -a "$bundle"
    says "$work/log/init-os.log" 'init os: 5 hosts, [1-9][0-9]* changed, ' 'kk create cluster -f '
    for host in "${hosts[@]}"; do
        [[ $(on "$host" hostname) == "$host" ]] || fail "$host has not got its name"
        on "$host" cat /etc/hosts >"$work/log/init-hosts.log"
        says "$work/log/init-hosts.log" "^$(address node1) lb.kubesphere.local\$" "^$(address node5) dockerhub.kubekey.local\$" \
            "^$(address node4) node4.cluster.local node4\$"
        on "$host" test -s /etc/sysctl.d/99-kk.conf || fail "$host has no kernel settings"
    done
    nothing_runs_on "${hosts[@]}"
    no_delivery "init os"
    ok "operating systems are prepared, and nothing of a cluster is on the hosts"
    kk init-os-again init os "${flags[@]}" -a "$bundle"
    says "$work/log/init-os-again.log" 'init os: 5 hosts, 0 changed, '
    ok "a second init os changes nothing"
}

# A host that was prepared has nothing yet, and is checked like a bare one.
checks_stay_strict() {
    on node2 mount -t tmpfs -o size=64m tmpfs /var/lib/containerd
    refused init-then-full-disk 5 "${create[@]}"
    on node2 umount /var/lib/containerd
    says "$work/log/init-then-full-disk.log" 'node2.*/var/lib/containerd.*\[disk\]'
    nothing_runs_on "${hosts[@]}"
    ok "create refuses a full disk on a host that init os has prepared"
}

registry_without() {
    kk init-registry-save init registry "${flags[@]}" -a "$bundle" --save-plan "$plan"
    nothing_runs_on node5
    kk init-registry init registry "${flags[@]}" -a "$bundle" --plan "$plan"
}

registry() {
    local before status
    before=$(settings_of_nodes)
    rm -f "$plan"
    lab pause node3
    (registry_without) || { lab unpause node3; exit 1; }
    lab unpause node3
    says "$work/log/init-registry-save.log" '^Plan for cluster quickstart: 2 stages, 2 steps on 1 hosts'
    says "$work/log/init-registry.log" 'init registry: 1 host, [1-9][0-9]* changed, ' \
        'kk artifact images push -f ' "$(address node5)"
    [[ $before == "$(settings_of_nodes)" ]] || fail "init registry changed hosts that are no registry"
    nothing_runs_on "${nodes[@]}"
    no_delivery "init registry"
    ok "the registry is installed by a plan that was saved, though node3 does not answer"
    ask_registry _catalog >"$work/log/init-catalog.log"
    says "$work/log/init-catalog.log" '"repositories": *\[\]'
    status=$(curl -s --max-time 20 -o /dev/null -w '%{http_code}' --cacert "$site/pki/registry-ca.crt" \
        --resolve "dockerhub.kubekey.local:443:$(address node5)" https://dockerhub.kubekey.local/v2/)
    [[ $status -eq 401 ]] || fail "without the account, the registry answers $status"
    ok "it answers over TLS, asks for the account, and is empty"
    kk init-registry-again init registry "${flags[@]}" -a "$bundle"
    says "$work/log/init-registry-again.log" 'init registry: 1 host, 0 changed, '
    ok "a second init registry changes nothing"
    kk init-registry-push init registry "${flags[@]}" -a "$bundle" --push-images
    ask_registry registry.k8s.io/pause/tags/list >"$work/log/init-tags.log"
    says "$work/log/init-tags.log" '"tags": *\["3\.'
    no_delivery "init registry --push-images"
    ok "with --push-images, the bundle's images are in it"
}

create_goes_on() {
    local since
    since=$(on node5 systemctl show -p ActiveEnterTimestampMonotonic --value registry.service)
    kk init-plan plan -f "$cluster_file" -a "$bundle" --known-hosts "$state/known_hosts"
    says "$work/log/init-plan.log" '^Plan for cluster quickstart: ' ' \[runtime\]'
    ! grep -E '^[0-9]+\. .* \[(os|registry)\]' "$work/log/init-plan.log" >&2 || fail "create would do again what init did"
    ok "of the stages that init did, create would change nothing"
    create_cluster init-create
    healthy
    [[ $(on node5 systemctl show -p ActiveEnterTimestampMonotonic --value registry.service) == "$since" ]] ||
        fail "create started the registry anew"
    [[ -e $site/deliveries.json ]] || fail "create is no delivery"
    create_cluster init-rerun
    says "$work/log/init-rerun.log" 'create cluster: 5 hosts, 0 changed, '
    kk init-os-late init os "${flags[@]}" -a "$bundle"
    says "$work/log/init-os-late.log" 'init os: 5 hosts, 0 changed, '
    kk init-registry-late init registry "${flags[@]}" -a "$bundle"
    says "$work/log/init-registry-late.log" 'init registry: 1 host, 0 changed, '
    ok "the cluster stands; create, init os and init registry change nothing any more"
    kk init-history history -f "$cluster_file"
    says "$work/log/init-history.log" 'init os' 'init registry' 'create cluster'
    ok "history names each command"
}

prepare
fresh_lab
operating_systems
checks_stay_strict
registry
create_goes_on
