# Certificates of a host, and since when their readers run. Prints certificates and nothing else of any file: what
# stands between the two lines of a certificate is base64, and keys have lines of their own before them.
LC_ALL=C TZ=UTC0
export LC_ALL TZ
kk_cut() {
  awk '
    /^-----BEGIN CERTIFICATE-----[ \t\r]*$/ { inside = 1; block = $0 "\n"; next }
    !inside { next }
    /^-----END CERTIFICATE-----[ \t\r]*$/ { if (count++ < 4) printf "%s%s\n", block, $0; inside = 0; next }
    /^[A-Za-z0-9+\/= \t\r]*$/ && length(block) < 20000 { block = block $0 "\n"; next }
    { inside = 0 }
  '
}
kk_head() {
  kk_size=$(stat -L -c %s -- "$1")
  if [ "${kk_size:-1048577}" -gt 1048576 ]; then printf 'large %s\n' "$1"; return 1; fi
  kk_line=$(sha256sum <"$1") && printf 'file %s %s %s\n' "$(stat -L -c %Y -- "$1")" "${kk_line%% *}" "$1"
}
kk_pem() {
  [ -f "$1" ] || return 0
  kk_head "$1" || return 0
  kk_cut <"$1"
}
kk_conf() {
  [ -f "$1" ] && grep -q '^ *client-certificate-data:' "$1" || return 0
  kk_head "$1" || return 0
  sed -n 's/^ *client-certificate-data: *//p' "$1" | head -n 1 | tr -d "\"' \r" | base64 -d 2>/dev/null | kk_cut
}
kk_began() {
  kk_time=$(date -d "$2" +%s 2>/dev/null) && [ -n "$2" ] && printf 'began %s %s\n' "$kk_time" "$1"
}
kk_unit() {
  systemctl is-active --quiet "$1" 2>/dev/null || return 0
  kk_began "$1" "$(systemctl show -p ExecMainStartTimestamp --value "$1")"
}
kk_container() {
  kk_id=$(timeout 10 crictl ps -q --state running --name "^$1\$" 2>/dev/null | head -n 1)
  [ -n "$kk_id" ] || return 0
  kk_began "$1" "$(timeout 10 crictl inspect -o go-template --template '{{.status.startedAt}}' "$kk_id" 2>/dev/null)"
}
printf 'now %s\n' "$(date +%s)"
