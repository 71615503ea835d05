# shellcheck shell=bash
# What both scripts ask of the machine that they run on: a fresh Debian 12, as root.

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

require_root() {
    [[ $EUID -eq 0 ]] || die "this makes root file systems and containers: run it as root"
}

# Installs what is missing of PACKAGE..., and says so. Services of the packages are not started: a policy
# that forbids it stands while they install.
need_packages() {
    local missing=() package
    for package; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) == installed ]] || missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    say "installing with apt: ${missing[*]}"
    local policy=/usr/sbin/policy-rc.d made_policy=
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        made_policy=1
    fi
    local failed=
    {
        apt-get -q update &&
            DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends "${missing[@]}"
    } >"$(log_file apt)" 2>&1 || failed=1
    if [[ $made_policy ]]; then rm -f "$policy"; fi
    [[ ! $failed ]] || die "apt could not install ${missing[*]}: see $(log_file apt)"
}

cache_dir() { printf '%s\n' "${KK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kk}/upstream"; }

# Two builds at once would do everything twice, and take each other's leftovers away: the second one waits, and finds what the
# first one made. The lock lasts as long as the shell.
lock_cache() {
    mkdir -p "$(cache_dir)/tmp"
    exec 9>"$(cache_dir)/lock"
    if ! flock -n 9; then
        say "another build works in $(cache_dir); waiting for it to end"
        flock 9
    fi
}

log_file() {
    local dir
    dir=$(cache_dir)/log
    mkdir -p "$dir"
    printf '%s\n' "$dir/$1.log"
}

# Runs "$2" VERSION DIR for a thing that is not in the cache yet. The thing has its name only once it is
# complete, so what an interrupted build leaves behind never counts.
build_once() {
    local thing=$1/$2 function=$3 final tmp started=$SECONDS
    final=$(built "$1" "$2")
    [[ ! -d $final ]] || return 0
    say "building $thing"
    mkdir -p "$(cache_dir)/tmp"
    tmp=$(mktemp -d "$(cache_dir)/tmp/build.XXXXXX")
    chmod 755 "$tmp"
    "$function" "$2" "$tmp"
    mkdir -p "$(dirname "$final")"
    mv -T "$tmp" "$final"
    say "built $thing in $((SECONDS - started)) s"
}

built() { printf '%s\n' "$(cache_dir)/built/$1/$2"; }

# A process is ours when the pid file names one that runs the program it was written for.
is_ours() {
    local pid_file=$1 program=$2 pid
    [[ -s $pid_file ]] || return 1
    pid=$(<"$pid_file")
    [[ -r /proc/$pid/cmdline ]] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- "$program"
}

start_docker() {
    need_packages docker.io iptables
    # A newer client may stand before the engine's own; any client can talk to it.
    if docker info >/dev/null 2>&1; then return; fi
    say "starting dockerd"
    setsid /usr/sbin/dockerd >"$(log_file dockerd)" 2>&1 </dev/null &
    local tries=60
    until docker info >/dev/null 2>&1; do
        ((tries-- > 0)) || die "dockerd does not answer: see $(log_file dockerd)"
        sleep 0.5
    done
}
