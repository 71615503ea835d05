#!/usr/bin/env bash
# Every authority of the site is replaced while the cluster works, by a run that is killed on the way and goes on.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need_packages openssl
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
pki=$site/pki
flags=(-f "$cluster_file" --known-hosts "$state/known_hosts")
authorities=(kubernetes-ca front-proxy-ca etcd-ca registry-ca)

user_workload() {
    kubectl delete deployment rotated --ignore-not-found --timeout 60s >/dev/null
    kubectl create deployment rotated --image docker.io/library/nginx:1.22.1 --replicas 2 >/dev/null
    eventually 120 "two replicas run" kubectl rollout status deployment/rotated --timeout 1s
    generation=$(kubectl get deployment rotated -o 'jsonpath={.metadata.generation}')
}

# What signed a certificate on a host, by the authorities that the site has now, and by those that it had.
signed_by() {
    on "$1" cat "$2" >"$scratch/leaf"
    openssl verify -CAfile "$pki/$3.crt" "$scratch/leaf" >/dev/null 2>&1 || fail "$1: $2 is not of the new $3"
    if openssl verify -CAfile "$scratch/old/$3.crt" "$scratch/leaf" >/dev/null 2>&1; then fail "$1: $2 is of the old $3"; fi
}

all_is_of_the_new() {
    local host name
    for host in "${control_planes[@]}"; do
        for name in apiserver apiserver-kubelet-client; do signed_by "$host" /etc/kubernetes/pki/$name.crt kubernetes-ca; done
        signed_by "$host" /etc/kubernetes/pki/front-proxy-client.crt front-proxy-ca
        signed_by "$host" /etc/kubernetes/pki/apiserver-etcd-client.crt etcd-ca
        signed_by "$host" /etc/ssl/etcd/ssl/member.pem etcd-ca
    done
    for host in "${nodes[@]}"; do signed_by "$host" /var/lib/kubelet/pki/kubelet-client-current.pem kubernetes-ca; done
    signed_by node5 /etc/registry/ssl/registry.crt registry-ca
}

# Old authorities are in no file by which anybody trusts, as PEM or within kubeconfigs.
nothing_trusts_the_old() {
    local host authority word
    for authority in "${authorities[@]}"; do
        word=$(sed -n 3p "$scratch/old/$authority.crt")
        for host in "${hosts[@]}"; do
            if on "$host" grep -rlF -- "$word" /etc/kubernetes /etc/ssl/etcd /etc/containerd /etc/registry 2>/dev/null; then
                fail "$host still has the old $authority"
            fi
        done
        [[ $(grep -c BEGIN "$pki/$authority.crt") -eq 1 ]] || fail "the site trusts more than one $authority"
    done
    word=$(base64 -w0 "$scratch/old/kubernetes-ca.crt" | cut -c 1-400)
    for host in "${nodes[@]}"; do
        if on "$host" grep -rlF -- "$word" /etc/kubernetes; then fail "$host has a kubeconfig with the old authority"; fi
    done
    on node1 sh -c '! grep -q kk-signing /etc/kubernetes/manifests/*.yaml && [ ! -e /etc/kubernetes/pki/kk-signing-ca.crt ]' ||
        fail "the controller manager does not sign as usual"
    kubectl -n kube-system get configmap extension-apiserver-authentication -o json >"$scratch/extensions.json"
    for authority in kubernetes-ca front-proxy-ca; do
        word=$(sed -n 3p "$scratch/old/$authority.crt")
        if grep -qF -- "$word" "$scratch/extensions.json"; then fail "aggregated API servers trust the old $authority"; fi
    done
    [[ ! -e $pki/rotation.json ]] || fail "the rotation is not over"
}

# A pod talks to the API server with what it is given; a request for a certificate is signed by the new authority.
pods_and_requests_work() {
    kubectl delete pod talks --ignore-not-found --timeout 60s >/dev/null
    kubectl run talks --image docker.io/library/nginx:1.22.1 --image-pull-policy Always --restart Never >/dev/null
    eventually 120 "a new pod from the private registry runs" kubectl wait --for condition=Ready pod/talks --timeout 1s
    # shellcheck disable=SC2016
    kubectl exec talks -- sh -c 'cd /var/run/secrets/kubernetes.io/serviceaccount && curl -fsS --max-time 20 --cacert ca.crt \
        -H "Authorization: Bearer $(cat token)" https://kubernetes.default.svc/version' | jq -e .gitVersion >/dev/null
    kubectl delete pod talks --wait=false >/dev/null
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$scratch/key" -subj /CN=somebody \
        -out "$scratch/csr" 2>/dev/null
    kubectl delete csr somebody --ignore-not-found >/dev/null
    kubectl apply -f - >/dev/null <<YAML
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: somebody}
spec:
  request: $(base64 -w0 "$scratch/csr")
  signerName: kubernetes.io/kube-apiserver-client
  usages: [client auth]
YAML
    kubectl certificate approve somebody >/dev/null
    eventually 60 "a request for a certificate is signed" request_is_signed
    openssl verify -CAfile "$pki/kubernetes-ca.crt" "$scratch/somebody.crt" >/dev/null || fail "not by the new authority"
}
request_is_signed() {
    kubectl get csr somebody -o 'jsonpath={.status.certificate}' | base64 -d >"$scratch/somebody.crt"
    [[ -s $scratch/somebody.crt ]]
}

prepare
need_cluster
healthy
user_workload
write_keys
keys_before=$(etcd_keys)
cp -r "$pki" "$scratch/old"
cp "$kubeconfig" "$scratch/old-kubeconfig"

kk rotate-dry certs rotate-ca "${flags[@]}" --dry-run
says "$work/log/rotate-dry.log" 'parts would change' 'rotate/trust|Place the authorities'
diff -r "$pki" "$scratch/old" || fail "a dry run has changed what the site keeps"
refused rotate-name 2 certs renew "${flags[@]}" --only kubernetes-ca
says "$work/log/rotate-name.log" 'rotate-ca'
ok "a dry run changes nothing"

"$KK" certs rotate-ca "${flags[@]}" --leave-workloads --yes >"$work/log/rotate-killed.log" 2>&1 </dev/null &
pid=$!
sleep "${KK_ROTATE_KILL:-60}"
kill -KILL "$pid" 2>/dev/null || fail "it was done before it could be killed"
wait "$pid" 2>/dev/null || true
refused rotate-create 5 "${create[@]}"
kk rotate-kubeconfig kubeconfig -f "$cluster_file" --output-file "$scratch/kubeconfig"
says "$work/log/rotate-create.log" 'authorities are being rotated' 'rotate-ca'
healthy
ok "killed after ${KK_ROTATE_KILL:-60} s: the cluster works, and other commands wait"

seconds_of kk rotate-first certs rotate-ca "${flags[@]}" --leave-workloads --yes
says "$work/log/rotate-first.log" 'pass 1 of 3' 'start anew whatever talks'
[[ $(kubectl get deployment rotated -o 'jsonpath={.metadata.generation}') == "$generation" ]] || fail "pods of users were started anew"
ok "the same command went to the end of the first pass in $seconds s"
kubectl rollout restart deployment/rotated >/dev/null
seconds_of kk rotate certs rotate-ca "${flags[@]}" --yes
says "$work/log/rotate.log" 'pass 2 of 3' 'pass 3 of 3'
ok "the other two passes took $seconds s"
healthy
all_is_of_the_new
nothing_trusts_the_old
ok "everything is of the new authorities, and nothing trusts the old ones"
if KUBECONFIG='' timeout 60 "$(built kubernetes "$kubernetes")/kubectl" --kubeconfig "$scratch/old-kubeconfig" --request-timeout 20s \
    get nodes >/dev/null 2>&1; then fail "the old kubeconfig still works"; fi
ok "the old kubeconfig does not work any more"
eventually 120 "the replicas began anew and run" kubectl rollout status deployment/rotated --timeout 1s
[[ $(kubectl get deployment rotated -o 'jsonpath={.metadata.generation}') -ge 3 ]] || fail "the replicas did not begin anew"
pods_and_requests_work
[[ $(etcd_keys) == "$keys_before" ]] || fail "etcd's keys are others"
ok "etcd's 10,000 keys are the same"
all_well rotate-status
create_cluster rotate-again
says "$work/log/rotate-again.log" 'create cluster: 5 hosts, 0 changed, '
ok "a create changes nothing"

# One alone; the others stay.
cp "$pki/kubernetes-ca.crt" "$pki/registry-ca.crt" "$scratch"
kk rotate-two certs rotate-ca "${flags[@]}" --only etcd-ca,registry-ca --dry-run
seconds_of kk rotate-registry certs rotate-ca "${flags[@]}" --only registry-ca --yes
cmp -s "$pki/kubernetes-ca.crt" "$scratch/kubernetes-ca.crt" || fail "another authority was replaced too"
if cmp -s "$pki/registry-ca.crt" "$scratch/registry-ca.crt"; then fail "the authority is the same"; fi
pods_and_requests_work
ok "one alone was replaced in $seconds s"
kubectl delete deployment rotated --wait=false >/dev/null
if grep -l 'PRIVATE KEY' "$work"/log/rotate*; then fail "a key was shown"; fi
ok "no key in any output"
