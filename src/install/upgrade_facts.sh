# What an upgrade depends on, said by the host itself. Changes nothing. Lines of a word, a space and what was found.
say() { printf '%s %s\n' "$1" "$2"; }
say kubelet "$(kubelet --version 2>/dev/null | sed 's/^Kubernetes //')"
say begun "$(cat /var/lib/kk/kubernetes/upgraded 2>/dev/null)"
manifest=/etc/kubernetes/manifests/kube-apiserver.yaml
if [ -f $manifest ]; then
  say api-server "$(sed -n 's|^ *image: .*/kube-apiserver:||p' $manifest | head -n 1)"
  # Every API server counts what was asked of it since it began.
  $kk_kubectl --server "$kk_server" get --raw /metrics 2>/dev/null |
    sed -n 's/^apiserver_requested_deprecated_apis{\(.*\)} .*/deprecated \1/p' | head -n 200
fi
if [ -n "$kk_lead" ]; then
  $kk_kubectl get nodes -o 'jsonpath={range .items[*]}node {.metadata.name} {.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.kubeletVersion} {.spec.unschedulable} {.metadata.annotations.'"$kk_mark"'}{"\n"}{end}' 2>/dev/null
  $kk_kubectl get poddisruptionbudgets --all-namespaces --no-headers \
    -o custom-columns=NS:.metadata.namespace,NAME:.metadata.name,ALLOWED:.status.disruptionsAllowed,EXPECTED:.status.expectedPods,HEALTHY:.status.currentHealthy 2>/dev/null |
    sed 's/^/budget /' | head -n 2000
fi
echo end
