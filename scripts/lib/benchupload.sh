# shellcheck shell=bash
# One large file to hosts: against scp to one of them, and from host to host to six.

upload_bytes=1000000000
upload_target=/var/lib/kk-bench/file
upload_lab=${KK_BENCH_LAB:-kk-bench}

in_lab() { "$scripts/lab" --name "$upload_lab" "$@"; }
lab_state() { printf '%s\n' "${KK_LAB:-${XDG_STATE_HOME:-$HOME/.local/state}/kk/lab}/$upload_lab"; }

bench_upload() {
    local run number state file program log address
    log=$(log_file upload)
    state=$(lab_state)
    file=$(work_dir)/large
    ensure_rust
    # The engine has no command that uploads any file: a test of it does, built as the program is, and prints how long that took.
    (cd "$checkout" && CARGO_PROFILE_RELEASE_LTO=off cargo test --release --locked --target "$TARGET" --no-run --test run) >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; die "the engine's test does not build"; }
    program=$(sed -n 's/^ *Executable .*(\(.*\))$/\1/p' "$log" | tail -n 1)
    [[ $program == /* ]] || program=$checkout/$program
    in_lab up --hosts 6 >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "there is no lab"; }
    trap 'in_lab down; stop_servers' EXIT
    stream 4711 | head -c $upload_bytes >"$file"
    address=$(awk '{ print $1; exit }' "$state/known_hosts")
    for ((run = 0; run < runs; run++)); do
        fresh_hosts
        quick scp scp -q -i "$state/id_ed25519" -o IdentitiesOnly=yes -o "UserKnownHostsFile=$state/known_hosts" \
            "$file" "root@$address:$upload_target"
        fresh_hosts
        engine_upload kk-upload upload 1
        fresh_hosts
        engine_upload kk-one run 1
        fresh_hosts
        engine_upload kk-six run 6 KK_BENCH_PEERS="$kk"
        fresh_hosts
        engine_upload kk-six-alone run 6
    done
    in_lab down
    trap stop_servers EXIT
    rm -f "$file"
    at_least "one file of 1 GB to a host, scp" "$(median kk-upload 1)" "$(median scp 1)" ms 0.9
    local one six
    one=$(median kk-one 1) six=$(median kk-six 1)
    add_row "the same, checked and in its place: to six hosts, times the time to one" "$six ms, to one $one ms" \
        "" "$(calculate "$six / $one")x" "at most 2.5x" "$(verdict "$six <= 2.5 * $one")"
    say "  to six hosts without peers: $(median kk-six-alone 1) ms"
}

# No host has the file. Hosts keep it in memory: six hosts have six disks, and these would share one.
fresh_hosts() {
    local number
    for number in 1 2 3 4 5 6; do
        # What is uploaded is moved to its place, so both are on one file system.
        in_lab exec "node$number" sh -c "mountpoint -q /var/lib/kk || { mkdir -p /var/lib/kk && mount -t tmpfs -o size=3g none /var/lib/kk && ln -sfnT kk/bench ${upload_target%/*}; }
            rm -rf /var/lib/kk/* && mkdir /var/lib/kk/bench"
    done
    cat "$(work_dir)/large" >/dev/null
    settle
}

# engine_upload NAME WAY HOSTS [VARIABLE=VALUE]...
engine_upload() {
    local name=$1 way=$2 count=$3 output
    shift 3
    output=$(env KK_BENCH_WAY="$way" KK_BENCH_COUNT="$count" KK_BENCH_FILE="$(work_dir)/large" \
        KK_BENCH_HOSTS="$(lab_state)/hosts.yaml" "$@" \
        "$program" --ignored --nocapture --exact upload::a_large_file_to_hosts 2>&1) || { say "$output"; die "$name failed"; }
    awk '/^measured/ { printf "%d 0 0\n", $3 * 1000 }' <<<"$output" >>"$(work_dir)/samples-$name"
    say "  $name: $(tail -n 1 "$(work_dir)/samples-$name" | cut -d' ' -f1) ms"
}
