#!/bin/sh
# Takes a snapshot of this host's member of etcd, verifies it, and only then removes older ones.
# A snapshot that bears a name of the cluster is whole: it is renamed last. Holds no secret; etcdctl reads the
# member's own certificate. Written by kk.
set -eu
umask 077
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

folder={{ folder }}
cluster={{ cluster }}
keep={{ keep }}

mkdir -p -m 0700 -- "$folder"
exec 9>"$folder/.lock"
flock -n 9 || { echo "another backup is at work" >&2; exit 1; }

part=$folder/.scheduled.part
trap 'rm -f -- "$part" "$part.part"' EXIT
trap 'exit 1' HUP INT TERM
rm -f -- "$part" "$part.part"

{{ etcdctl }} --dial-timeout 5s --command-timeout 10s endpoint status >/dev/null
{{ etcdctl }} --dial-timeout 5s snapshot save "$part" >/dev/null
etcdutl snapshot status "$part" -w simple
chmod 0600 "$part"
sync -- "$part" || sync
taken=$folder/$cluster-$(date -u +%Y%m%dT%H%M%SZ).db
mv -fT -- "$part" "$taken"
echo "took $taken"

# The names sort by time, the oldest first.
set -- "$folder"/{{ pattern }}
while [ $# -gt "$keep" ]; do
  if [ "$1" != "$taken" ] && [ -f "$1" ] && [ ! -L "$1" ]; then
    rm -f -- "$1"
    echo "removed $1"
  fi
  shift
done
