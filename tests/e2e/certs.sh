#!/usr/bin/env bash
# Certificates run out, nearly all of them at once, until no API server answers; then they are renewed.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need_packages openssl
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
pki=$site/pki
life=${KK_CERTS_LIFE:-240}
flags=(-f "$cluster_file" --known-hosts "$state/known_hosts")

# --- short lives ----------------------------------------------------------------------------------------------------

prepare_authorities() {
    : >"$scratch/index.txt"
    cat >"$scratch/ca.cnf" <<CNF
[ca]
default_ca = any
[any]
database = $scratch/index.txt
new_certs_dir = $scratch
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
preserve = yes
copy_extensions = copyall
[anything]
commonName = supplied
organizationName = optional
CNF
    began=$(date -u -d '-1 hour' +%Y%m%d%H%M%SZ)
    ends_at=$(($(date +%s) + life))
    ends=$(date -u -d "@$ends_at" +%Y%m%d%H%M%SZ)
}

# short CERTIFICATE KEY AUTHORITY: the same certificate of the same key, that ends soon, in the place of the file.
short() {
    {
        openssl x509 -x509toreq -in "$1" -signkey "$2" -copy_extensions copy -out "$scratch/request"
        openssl ca -batch -notext -config "$scratch/ca.cnf" -cert "$pki/$3.crt" -keyfile "$pki/$3.key" -in "$scratch/request" \
            -startdate "$began" -enddate "$ends" -out "$scratch/short"
        openssl x509 -in "$scratch/short" -out "$1"
    } 2>"$work/log/openssl.log"
}

read_file() { on "$1" cat "$2"; }
write_file() { on "$1" sh -c "cat >$2"; }

# short_pair HOST CERTIFICATE KEY AUTHORITY
short_pair() {
    read_file "$1" "$2" >"$scratch/crt"
    read_file "$1" "$3" >"$scratch/key"
    short "$scratch/crt" "$scratch/key" "$4"
    write_file "$1" "$2" <"$scratch/crt"
}

# short_conf HOST KUBECONFIG
short_conf() {
    read_file "$1" "$2" >"$scratch/conf"
    sed -n 's/^ *client-certificate-data: *//p' "$scratch/conf" | base64 -d >"$scratch/crt"
    sed -n 's/^ *client-key-data: *//p' "$scratch/conf" | base64 -d >"$scratch/key"
    short "$scratch/crt" "$scratch/key" kubernetes-ca
    sed -i "s|client-certificate-data: .*|client-certificate-data: $(base64 -w0 "$scratch/crt")|" "$scratch/conf"
    write_file "$1" "$2" <"$scratch/conf"
}

# short_kept NAME AUTHORITY [HOST FILE]…: what the operator keeps, and what hosts have of it.
short_kept() {
    local name=$1 authority=$2
    shift 2
    short "$pki/$name.crt" "$pki/$name.key" "$authority"
    while [[ $# -gt 0 ]]; do
        write_file "$1" "$2" <"$pki/$name.crt"
        shift 2
    done
}

# A kubelet that is switched off cannot renew its certificate in time.
short_kubelet() {
    local current=/var/lib/kubelet/pki/kubelet-client-current.pem
    on "$1" systemctl stop kubelet
    read_file "$1" $current >"$scratch/both"
    openssl x509 -in "$scratch/both" -out "$scratch/crt"
    openssl pkey -in "$scratch/both" -out "$scratch/key"
    short "$scratch/crt" "$scratch/key" kubernetes-ca
    cat "$scratch/crt" "$scratch/key" | on "$1" sh -c "cat >\$(readlink -f $current)"
}

shorten_all() {
    local host name
    prepare_authorities
    for host in "${control_planes[@]}"; do
        for name in apiserver apiserver-kubelet-client; do
            short_pair "$host" "/etc/kubernetes/pki/$name.crt" "/etc/kubernetes/pki/$name.key" kubernetes-ca
        done
        short_pair "$host" /etc/kubernetes/pki/front-proxy-client.crt /etc/kubernetes/pki/front-proxy-client.key front-proxy-ca
        for name in admin controller-manager scheduler; do short_conf "$host" "/etc/kubernetes/$name.conf"; done
        short_kept "etcd-$host" etcd-ca "$host" /etc/ssl/etcd/ssl/member.pem
    done
    if has_super_admin; then short_conf node1 /etc/kubernetes/super-admin.conf; fi
    short_kept apiserver-etcd-client etcd-ca node1 /etc/kubernetes/pki/apiserver-etcd-client.crt \
        node2 /etc/kubernetes/pki/apiserver-etcd-client.crt node3 /etc/kubernetes/pki/apiserver-etcd-client.crt
    short_kept registry registry-ca node5 /etc/registry/ssl/registry.crt
    short_kubelet node1
    short_kubelet node4
}

# Only where kubeadm began the cluster: a host that left and came back has none.
has_super_admin() { on node1 test -e /etc/kubernetes/super-admin.conf; }

restart_all() {
    local host
    for host in "${control_planes[@]}"; do on "$host" systemctl restart --no-block etcd; done
    on node5 systemctl restart registry
    for host in "${control_planes[@]}"; do
        # shellcheck disable=SC2016
        on "$host" sh -c 'for name in kube-apiserver kube-controller-manager kube-scheduler; do
            crictl ps -q --name "^$name\$" | xargs -r crictl stop --timeout 5 >/dev/null; done' || true
    done
}

# --- looking --------------------------------------------------------------------------------------------------------

check_json() { "$KK" certs check-expiration "${flags[@]}" --output json 2>"$work/log/certs-check.err" >"$work/log/certs-check.json" || return $?; }
found() { jq -e "$1" "$work/log/certs-check.json" >/dev/null || { jq . "$work/log/certs-check.json" >&2; fail "not so: $1"; }; }
no_keys() { if grep -l 'PRIVATE KEY\|client-key' "$work"/log/certs-*; then fail "a key was shown"; fi; }

new_pod_runs() {
    kubectl delete pod "$1" --ignore-not-found --timeout 60s >/dev/null
    kubectl run "$1" --image docker.io/library/nginx:1.22.1 --image-pull-policy Always --restart Never >/dev/null
    eventually 120 "a new pod from the private registry runs" kubectl wait --for condition=Ready "pod/$1" --timeout 1s
    kubectl delete pod "$1" --wait=false >/dev/null
}

all_is_well() {
    healthy
    new_pod_runs "$1"
    check_json || fail "the check is not content: $(<"$work/log/certs-check.err")"
    found '[.certificates[] | select(.daysLeft < 300)] == []'
    found '[.certificates[] | select(.used | IN("began-before", "other-shown", "not-running"))] == []'
    ok "every certificate has more than 300 days left, and what runs uses it"
    all_well "certs-status-$1"
    [[ $(jq '[.concerns[] | select(.name == "nodes" or .name == "registry") | .lines[]] | length' "$work/log/certs-status-$1.json") -ge 5 ]] ||
        fail "not all nodes and the registry were looked at"
}

prepare
need_cluster
all_is_well before
kk certs-table certs check-expiration "${flags[@]}"
for name in apiserver apiserver-kubelet-client apiserver-etcd-client front-proxy-client admin.conf \
    controller-manager.conf scheduler.conf kubelet kubelet-serving etcd registry operator \
    kubernetes-ca front-proxy-ca etcd-ca registry-ca; do
    says "$work/log/certs-table.log" "^$name +"
done
if has_super_admin; then says "$work/log/certs-table.log" '^super-admin.conf +node1 '; fi
found '[.certificates[].host] | unique == [null, "node1", "node2", "node3", "node4", "node5"]'
found '[.certificates[] | select(.used == "yes" and (.name | IN("apiserver", "etcd", "registry")))] | length == 7'
say "  $(jq '.certificates | length' "$work/log/certs-check.json") certificates are shown"
kk certs-nothing certs renew "${flags[@]}" --yes
says "$work/log/certs-nothing.log" 'certs renew: 5 hosts, 0 changed, '
ok "where nothing is due, nothing is changed"

say "  shortening lives to $life s"
shorten_all
restart_all
refused certs-soon 11 certs check-expiration "${flags[@]}"
says "$work/log/certs-soon.log" 'expire within 30 days' 'expires soon'
while (($(date +%s) < ends_at + 3)); do sleep 1; done
restart_all
for host in node1 node4; do on "$host" systemctl restart --no-block kubelet; done
sleep 10
if kubectl get nodes >/dev/null 2>&1; then fail "the API answers, though every certificate has run out"; fi
if etcd_is_healthy >/dev/null 2>&1; then fail "etcd is healthy, though every certificate has run out"; fi
ok "no API server answers, and etcd has no quorum"

refused certs-expired 11 certs check-expiration "${flags[@]}"
says "$work/log/certs-expired.log" 'certificates have expired' '^apiserver +node1 .* EXPIRED' '^kubelet +node4 .* EXPIRED' \
    '^etcd +node2 .* EXPIRED' '^registry +node5 .* EXPIRED' 'hint: kk certs renew'
check_json && fail "the check is content"
say "  $(jq '[.certificates[] | select(.state == "expired")] | length' "$work/log/certs-check.json") certificates have expired"
kk certs-dry certs renew "${flags[@]}" --dry-run
says "$work/log/certs-dry.log" 'parts would change' 'Renew apiserver'
refused certs-still-expired 11 certs check-expiration "${flags[@]}"
refused certs-status-expired 12 status "${flags[@]}"
says "$work/log/certs-status-expired.log" 'control-plane: node1: ' 'etcd: node2: ' 'certificates: '
ok "the check tells of them, and a dry run changes nothing"

seconds_of kk certs-renew certs renew "${flags[@]}" --yes
say "  $(grep -aE 'certs renew: ' "$work/log/certs-renew.log")"
ok "renewed in $seconds s"
all_is_well after
kk certs-again certs renew "${flags[@]}" --yes
says "$work/log/certs-again.log" 'certs renew: 5 hosts, 0 changed, '
create_cluster certs-create
says "$work/log/certs-create.log" 'create cluster: 5 hosts, 0 changed, '
ok "a second renewal changes nothing, and neither does a create"

# Killed in the middle, and repeated.
"$KK" certs renew "${flags[@]}" --all --yes >"$work/log/certs-killed.log" 2>&1 </dev/null &
pid=$!
sleep "${KK_CERTS_KILL:-20}"
kill -KILL "$pid" 2>/dev/null || true
wait "$pid" 2>/dev/null || true
seconds_of kk certs-all certs renew "${flags[@]}" --all --yes
ok "all were renewed again after a run that was killed, in $seconds s"
all_is_well killed
kk certs-last certs renew "${flags[@]}" --yes
says "$work/log/certs-last.log" 'certs renew: 5 hosts, 0 changed, '

kk certs-kubeconfig kubeconfig -f "$cluster_file" --output-file "$scratch/kubeconfig"
[[ $(stat -c %a "$scratch/kubeconfig") == 600 ]] || fail "the kubeconfig may be read by others"
cmp -s "$scratch/kubeconfig" "$kubeconfig" || fail "kk kubeconfig writes another one than create did"
kubectl get nodes >/dev/null
ok "kk kubeconfig writes a kubeconfig that works"
no_keys
ok "no key in any output"
