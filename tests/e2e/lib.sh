# shellcheck shell=bash
# What every case stands on: where things are, how commands are run, how long anything may take.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=scripts/lib/machine.sh
source "$checkout/scripts/lib/machine.sh"
# shellcheck source=scripts/lib/rust.sh
source "$checkout/scripts/lib/rust.sh"

kubernetes=v1.35.4

work=${KK_E2E:-${XDG_STATE_HOME:-$HOME/.local/state}/kk/e2e}
manifest=$work/manifest.yaml
lab_name=${KK_E2E_LAB:-kk-e2e}
export KK_LAB_SUBNET=${KK_LAB_SUBNET:-198.18.4.0}
export KK_LAB=$work/lab
state=$KK_LAB/$lab_name
cluster_file=$state/cluster.yaml
site=$state/.kk/quickstart
kubeconfig=$site/kubeconfig
# Read by the cases.
# shellcheck disable=SC2034
control_planes=(node1 node2 node3)
# shellcheck disable=SC2034
nodes=(node1 node2 node3 node4)
# shellcheck disable=SC2034
hosts=("${nodes[@]}" node5)
mkdir -p "$work/log"

# --- outcomes -----------------------------------------------------------------------------------------------------

fail() { say "FAILED: $*"; exit 1; }
ok() { say "  ok: $*"; }
# Something that was left out on purpose; the end of the run tells of it.
skip() { printf '%s\n' "$*" >>"$work/skips"; say "  skipped: $*"; }

# eventually SECONDS WHAT COMMAND…: the command succeeds within that time.
eventually() {
    local limit=$1 what=$2 deadline=$((SECONDS + $1)) started=$SECONDS
    shift 2
    until ("$@") >"$work/log/eventually.log" 2>&1; do
        if ((SECONDS >= deadline)); then
            sed 's/^/    /' "$work/log/eventually.log" >&2
            fail "$what: not within $limit s"
        fi
        sleep 1
    done
    ok "$what ($((SECONDS - started)) s)"
}

# says FILE PATTERN…: the file has a line for every one of the extended regular expressions.
says() {
    local file=$1 pattern
    shift
    for pattern; do
        grep -qE -- "$pattern" "$file" || { sed 's/^/    /' "$file" >&2; fail "nothing in $file says: $pattern"; }
    done
}

# --- things under test --------------------------------------------------------------------------------------------

lab() { "$checkout/scripts/lab" --name "$lab_name" "$@"; }
on() { timeout "${ON_TIMEOUT:-60}" docker exec -i "$lab_name-$1" "${@:2}"; }
address() { printf '%s.%s\n' "${KK_LAB_SUBNET%.*}" $((10 + ${1#node})); }

# The operator's own kubectl, through the kubeconfig that kk wrote.
kubectl() { timeout 60 "$(built kubernetes "$kubernetes")/kubectl" --kubeconfig "$kubeconfig" --request-timeout 20s "$@"; }

# kk NAME ARGUMENTS…: runs kk, keeps what it says in a log, and shows the log when it fails.
kk() {
    local name=$1 log=$work/log/$1.log
    shift
    if ! timeout "${KK_LIMIT:-1200}" "$KK" "$@" >"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" | sed 's/^/    /' >&2
        fail "kk $1 ${2:-} failed: $log"
    fi
}

# refused NAME CODE ARGUMENTS…: kk ends with that very exit code; what it said is in the log.
refused() {
    local name=$1 code=$2 status=0
    shift 2
    timeout 1200 "$KK" "$@" >"$work/log/$name.log" 2>&1 </dev/null || status=$?
    if [[ $status -ne $code ]]; then
        tail -n 40 "$work/log/$name.log" | sed 's/^/    /' >&2
        fail "$name: exit code $status, and not $code"
    fi
}

create_arguments() { create=(create cluster -f "$cluster_file" -a "$bundle" --known-hosts "$state/known_hosts" --yes); }
create_cluster() { kk "$1" "${create[@]}"; }
delete_cluster() { kk "$1" delete cluster -f "$cluster_file" --known-hosts "$state/known_hosts" --yes --all; }

# seconds_of COMMAND…: runs it and puts the seconds that it took into $seconds, with tenths.
seconds_of() {
    local from to
    from=$(date +%s%N)
    "$@"
    to=$(date +%s%N)
    seconds=$(awk -v ns=$((to - from)) 'BEGIN { printf "%.1f", ns / 1e9 }')
}

# --- what cases need ----------------------------------------------------------------------------------------------

# The binary, the connected world, the bundle: once for a run of several cases.
prepare() {
    need_packages jq skopeo strace tcpdump zstd
    if [[ ! ${KK:-} ]]; then
        ensure_rust
        KK=$(build_kk "$checkout")
    fi
    export KK
    # The lock comes to lie beside the manifest, and the checkout stays as it is.
    cp "$checkout/manifests/samples/manifest-v1.35.yaml" "$manifest"
    if [[ ! ${KK_BUNDLE:-} ]]; then
        connected_world
        KK_BUNDLE=$work/kubekey-artifact.tar.gz
        rm -f "$KK_BUNDLE"
        seconds_of export_bundle export "$manifest" "$KK_BUNDLE"
        say "export took $seconds s: $(du -h "$KK_BUNDLE" | cut -f1)"
    fi
    export KK_BUNDLE
    bundle=$KK_BUNDLE
    create_arguments
}

connected_world() {
    "$checkout/scripts/upstream" build --kubernetes "$kubernetes" 2> >(grep -v complete >&2)
    "$checkout/scripts/upstream" up >/dev/null
}

# export_bundle NAME MANIFEST BUNDLE
export_bundle() { kk "$1" artifact export -m "$2" -o "$3" --mirror "*=http://127.0.0.1:${KK_UPSTREAM_PORT:-8480}" --yes; }

need_lab() {
    if [[ -e $cluster_file && $(docker ps -q --filter "label=kk.lab=$lab_name" | wc -l) -eq 5 ]]; then return; fi
    fresh_lab
}

fresh_lab() {
    lab down >/dev/null
    lab up >"$work/log/lab-up.log"
}

# A cluster that stands, made if it does not.
need_cluster() {
    need_lab
    if [[ -e $kubeconfig ]] && kubectl get --raw /readyz >/dev/null 2>&1; then return; fi
    create_cluster need-cluster
}

# shellcheck source=tests/e2e/hosts.sh
source "$checkout/tests/e2e/hosts.sh"
# shellcheck source=tests/e2e/health.sh
source "$checkout/tests/e2e/health.sh"
