#!/usr/bin/env bash
# What users do first: a Deployment with an image named as on the public registry, and a Service before it.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

client=node1

# `Always` makes every start ask the registry; the gap leaves only the private one to answer.
apply() {
    kubectl apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions: [{key: kubernetes.io/hostname, operator: NotIn, values: [$client]}]
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {matchLabels: {app: web}}
      containers:
      - name: web
        image: docker.io/library/nginx:1.22.1
        imagePullPolicy: Always
        ports: [{containerPort: 80}]
        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 2}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop}
spec:
  nodeSelector: {kubernetes.io/hostname: $client}
  tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]
  containers:
  - name: client
    image: nginx:1.22.1
    imagePullPolicy: Always
    command: [sleep, "3600"]
YAML
}

client_curls() { kubectl -n shop exec client -- curl -fsS --max-time 5 "$1"; }
reached() { client_curls "$1" | grep -qi nginx; }

prepare
need_cluster
kubectl delete namespace shop --ignore-not-found --timeout 60s >/dev/null
apply
eventually 120 "three replicas of docker.io/library/nginx:1.22.1 run" \
    kubectl -n shop rollout status deployment/web --timeout 1s
eventually 60 "a pod of the short name nginx:1.22.1 runs on $client" \
    kubectl -n shop wait --for condition=Ready pod/client --timeout 1s
placed=$(kubectl -n shop get pods -l app=web -o jsonpath='{.items[*].spec.nodeName}')
[[ " $placed " != *" $client "* ]] || fail "a replica runs on $client, where the client is"
eventually 30 "http://web.shop.svc.cluster.local from $client reaches replicas on $placed" \
    reached http://web.shop.svc.cluster.local/
eventually 30 "http://web (by the search path) as well" reached http://web/

served=$(ask_registry docker.io/library/nginx/manifests/1.22.1 -I | tr -d '\r' | sed -n 's/^docker-content-digest: //Ip')
ran=$(kubectl -n shop get pods -l app=web -o jsonpath='{.items[*].status.containerStatuses[0].imageID}' | tr ' ' '\n' | sort -u)
[[ $served && $ran == *"$served" ]] || fail "the replicas run $ran, and the private registry serves $served"
ok "what runs is what the private registry serves: $served"
ask_registry '_catalog?n=100' | jq -e '.repositories | length >= 10' >/dev/null || fail "the registry's catalogue lacks images"

# Without the registry nothing can be pulled: there is no other way.
on node5 systemctl stop registry
trap 'on node5 systemctl start registry' EXIT
kubectl -n shop run late --image nginx:1.22.1 --image-pull-policy Always --restart Never >/dev/null
waits_for_image() {
    kubectl -n shop get pod late -o jsonpath='{.status.containerStatuses[0].state.waiting.reason}' | grep -qE 'ErrImagePull|ImagePullBackOff'
}
eventually 120 "with the registry stopped nothing is pulled" waits_for_image
on node5 systemctl start registry
trap - EXIT
eventually 120 "with the registry back it is" kubectl -n shop wait --for condition=Ready pod/late --timeout 1s
kubectl delete namespace shop --timeout 90s >/dev/null
