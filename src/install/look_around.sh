# How a host is: a line of words parted by tabs for each thing that was looked at. Changes nothing.
LC_ALL=C
export LC_ALL
kk_say() { printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$(printf %s "$4" | tr '\t\r\n' '   ' | head -c 300)"; }
# kk_ask CONCERN SUBJECT COMMAND…
kk_ask() {
  kk_concern=$1 kk_subject=$2
  shift 2
  if kk_said=$(timeout 15 "$@" 2>&1 </dev/null); then kk_say "$kk_concern" well "$kk_subject" "$kk_said"
  else kk_say "$kk_concern" unwell "$kk_subject" "${kk_said:-it does not answer}"; fi
}
kk_unit() {
  kk_state=$(timeout 10 systemctl is-active "$1.service" 2>/dev/null)
  if [ "$kk_state" = active ]; then kk_say services well "$1" active
  else kk_say services unwell "$1" "${kk_state:-unknown}"; fi
}
# Free for use by root, in percent of what there is to use.
kk_disk() {
  [ -d "$1" ] || return 0
  timeout 10 df -Pk "$1" 2>/dev/null | awk -v folder="$1" 'NR == 2 && $3 + $4 > 0 {
    free = int($4 * 100 / ($3 + $4))
    printf "disk\t%s\t%s\t%d %% free, %.1f GiB\n", free < 10 ? "unwell" : "well", folder, free, $4 / 1048576
  }'
}
kk_nodes() {
  kk_list=$(timeout 15 kubectl --kubeconfig /etc/kubernetes/admin.conf --cache-dir /var/lib/kk/kubectl --request-timeout 10s \
    get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{"\t"}{.status.conditions[?(@.type=="Ready")].status}{"\t"}{.status.nodeInfo.kubeletVersion}{"\t"}{.spec.unschedulable}{"\n"}{end}' 2>/dev/null) || return 0
  printf '%s\n' "$kk_list" | head -n 10000 | awk -F'\t' 'NF >= 3 {
    cordoned = $4 == "true" ? ", cordoned" : ""
    printf "nodes\t%s\t%s\t%s%s, %s\n", $2 == "True" ? "well" : "unwell", $1, $2 == "True" ? "ready" : "not ready", cordoned, $3
  }'
}
