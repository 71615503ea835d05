#!/bin/sh
# Renews kubeadm's certificates of this control plane when one of them has less than 30 days left, and restarts what
# uses them. Put here by kk (spec.kubernetes.autoRenewCerts). Asks nobody: neither the API server nor another host.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
pki=/etc/kubernetes/pki
# Lies there from before the renewal until everything has been restarted: a run that was cut off is ended by the next.
begun=/var/lib/kk/renew-certs-begun
config=$(mktemp)
trap 'rm -f "$config"' EXIT
# kubeadm leaves the certificates of an external etcd alone, wherever that is.
cat >"$config" <<CONFIG
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: {{ address }}, bindPort: {{ port }}}
nodeRegistration: {name: {{ name }}, criSocket: "unix:///run/containerd/containerd.sock"}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: $(kubeadm version -o short)
certificatesDir: $pki
encryptionAlgorithm: ECDSA-P256
etcd: {external: {endpoints: ["https://127.0.0.1:2379"], caFile: $pki/etcd/ca.crt, certFile: $pki/apiserver-etcd-client.crt, keyFile: $pki/apiserver-etcd-client.key}}
CONFIG

# The time left stands behind the date: 364d, 23h, or <invalid> once it has run out.
table=$(kubeadm certs check-expiration --config "$config")
due=$(printf '%s\n' "$table" | awk '
  /^CERTIFICATE AUTHORITY/ { rest = 1 }
  !rest {
    for (i = 1; i < NF; i++)
      if ($i == "UTC") {
        left = $(i + 1)
        if (left == "<invalid>" || left ~ /^[0-9]+[hms]$/ || (left ~ /^[0-9]+d$/ && left + 0 < 30)) print $1
      }
  }')
if [ -n "$due" ]; then
  echo "less than 30 days left: $(printf '%s' "$due" | tr '\n' ' ')"
  mkdir -p /var/lib/kk
  : >"$begun"
  kubeadm certs renew all --config "$config"
elif [ ! -e "$begun" ]; then
  echo "every certificate of kubeadm's has 30 days left or more"
  exit 0
fi

# The kubelet starts what is stopped. The next one goes down only after the API server is back.
for name in kube-apiserver kube-controller-manager kube-scheduler; do
  ids=$(crictl ps -q --state running --name "^$name\$")
  for id in $ids; do crictl stop --timeout 30 "$id" >/dev/null; done
  tries=0
  until kubectl --kubeconfig /etc/kubernetes/admin.conf --cache-dir /var/lib/kk/kubectl \
    --server "https://{{ address }}:{{ port }}" --certificate-authority "$pki/apiserver.crt" \
    --request-timeout 5s get --raw /readyz >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || { echo "the API server does not answer after five minutes" >&2; exit 1; }
    sleep 5
  done
done
rm -f "$begun"
