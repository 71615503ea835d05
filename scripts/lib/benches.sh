# shellcheck shell=bash
# The benches, one function each. A bench leaves rows behind; see benchmeasure.sh.

bundle() { printf '%s/bundle.%s\n' "$(work_dir)" "$1"; }

# kk as all benches run it: its cache where the bench says, the world as its mirror, no question asked.
kk_export() {
    local registry=$1 manifest=$2 output=$3
    shift 3
    env KK_CACHE="$(work_dir)/cache" "$kk" artifact export -m "$manifest" -o "$output" --yes \
        --mirror "registry.example.org=http://$registry" --mirror "files.example.org=http://$file_server" "$@"
}

# A manifest in a folder of its own, without a lock: everything is resolved anew.
fresh_manifest() {
    rm -rf "$(work_dir)/manifest"
    mkdir -p "$(work_dir)/manifest"
    cp "$(world_dir)/$1" "$(work_dir)/manifest/$1"
    printf '%s/manifest/%s\n' "$(work_dir)" "$1"
}

# The other side: every image into one OCI layout, and the programs beside it.
stock_gather() {
    local dir=$1 number
    mkdir -p "$dir/files"
    for ((number = 0; number < images; number++)); do
        skopeo copy --quiet --src-tls-verify=false "docker://$source_registry/$(image_name "$number"):v1" \
            "oci:$dir:registry.example.org/$(image_name "$number"):v1"
    done
    (cd "$dir/files" && seq -f "http://$file_server/program-%.0f" 0 $((programs - 1)) | xargs curl -fsS --remote-name-all)
}

# A function as a command that can be timed and killed.
share() {
    export -f bench_dir world_dir work_dir image_name kk_export kk_import kk_push stock_gather stock_push sha256_of_pieces
    export size kk images programs source_registry target_registry file_server
}
in_bash=(bash -euo pipefail -c '"$@"' bash)

bench_export() {
    local run dir
    dir=$(work_dir)/stock
    if [[ $size == 1.5G ]]; then
        for ((run = 0; run < runs; run++)); do
            rm -rf "$dir"
            settle
            timed stock-gather "${in_bash[@]}" stock_gather "$dir"
            settle
            timed stock-targz tar czf "$(work_dir)/stock.tar.gz" -C "$dir" .
            rm -f "$(work_dir)/stock.tar.gz"
            settle
            timed stock-tar tar cf "$(work_dir)/stock.tar" -C "$dir" .
            rm -f "$(work_dir)/stock.tar"
        done
        for ((run = 0; run < runs; run++)); do time_export kk-targz tar.gz; done
    fi
    for ((run = 0; run < runs; run++)); do time_export kk-tar tar; done
    if [[ $size == 1.5G ]]; then
        local gather tar targz
        for column in 1 2; do
            gather=$(median stock-gather $column) tar=$(median stock-tar $column) targz=$(median stock-targz $column)
            local what=(x wall processor)
            at_least "export to .tar.gz, skopeo copy and tar czf: ${what[column]} time" "$(median kk-targz $column)" \
                "$(calculate "$gather + $targz")" s 8
            if [[ $column == 1 ]]; then
                at_least "export to .tar, skopeo copy and tar cf: wall time" "$(median kk-tar 1)" "$(calculate "$gather + $tar")" s 1.5
            fi
        done
        add_memory "export to .tar.gz" "$(most kk-targz 3)"
    fi
    add_memory "export to .tar" "$(most kk-tar 3)"
    # The stock layout is what push pushes from on the other side.
    rm -rf "$(work_dir)/cache"
}

# One export into an empty cache.
time_export() {
    local manifest
    rm -rf "$(work_dir)/cache" "$(bundle "$2")"
    manifest=$(fresh_manifest manifest.yaml)
    settle
    timed "$1" "${in_bash[@]}" kk_export "$source_registry" "$manifest" "$(bundle "$2")"
}

# The bundle that the other benches read, where the export bench did not run.
ensure_bundle() {
    [[ -e $(bundle tar) ]] || kk_export "$source_registry" "$(fresh_manifest manifest.yaml)" "$(bundle tar)" >/dev/null 2>&1
}

# One at a time and sixteen at once: the same bytes.
bench_concurrency() {
    local manifest same=yes number
    manifest=$(fresh_manifest manifest.yaml)
    for number in 1 16; do
        rm -rf "$(work_dir)/cache"
        kk_export "$source_registry" "$manifest" "$(work_dir)/by-$number.tar.gz" --concurrency "$number" >/dev/null 2>&1
    done
    cmp "$(work_dir)/by-1.tar.gz" "$(work_dir)/by-16.tar.gz" || same=no
    holds "two exports of one lock, one and sixteen at a time: cmp" "$([[ $same == yes ]] && echo equal || echo different)" $same
    rm -f "$(work_dir)"/by-*.tar.gz
}

bench_verify() {
    local run file
    ensure_bundle
    file=$(bundle tar)
    if [[ $size == 1.5G ]]; then split --number="$(nproc)" "$file" "$(work_dir)/piece-"; fi
    settle
    for ((run = 0; run < runs; run++)); do
        cat "$file" >/dev/null
        timed verify "$kk" artifact verify -a "$file"
        timed verify-sha256 "$kk" artifact verify --sha256 -a "$file"
        if [[ $size == 1.5G ]]; then
            timed sha256sum sha256sum "$file"
            timed all-cores "${in_bash[@]}" sha256_of_pieces "$(work_dir)"/piece-*
        fi
    done
    if [[ $size == 1.5G ]]; then
        at_least "verify, sha256sum of the same file" "$(median verify 1)" "$(median sha256sum 1)" s 5
        at_least "verify --sha256, openssl on all cores" "$(median verify-sha256 1)" "$(median all-cores 1)" s 0.9
    fi
    rm -f "$(work_dir)"/piece-*
    add_memory verify "$(most verify 3)"
    add_memory "verify --sha256" "$(most verify-sha256 3)"
}

# The fastest SHA-256 at hand: OpenSSL with the processor's SHA instructions, one process for each core, each with an
# equal piece of the same bytes.
sha256_of_pieces() {
    local piece failed=''
    for piece in "$@"; do openssl dgst -sha256 "$piece" & done
    for piece in "$@"; do wait -n || failed=1; done
    [[ ! $failed ]]
}

bench_inspect() {
    local run file
    ensure_bundle
    file=$(bundle tar)
    for ((run = 0; run < 11; run++)); do quick inspect "$kk" artifact inspect -a "$file"; done
    at_most "inspect of $(numfmt --to=iec "$(stat -c %s "$file")")" "$(median inspect 1)" ms 50
}

bench_push() {
    local run number
    ensure_bundle
    if [[ $size == 1.5G ]]; then
        [[ -d $(work_dir)/stock ]] || stock_gather "$(work_dir)/stock"
        for ((run = 0; run < runs; run++)); do
            start_empty_target
            settle
            timed stock-push "${in_bash[@]}" stock_push "$(work_dir)/stock"
            settle
            timed stock-push-full "${in_bash[@]}" stock_push "$(work_dir)/stock"
        done
    fi
    for ((run = 0; run < runs; run++)); do
        start_empty_target
        settle
        timed kk-push "${in_bash[@]}" kk_push "$target_registry" "$(bundle tar)"
        settle
        timed kk-push-full "${in_bash[@]}" kk_push "$target_registry" "$(bundle tar)"
    done
    if [[ $size == 1.5G ]]; then
        at_least "push to an empty registry, skopeo copy of each: wall time" "$(median kk-push 1)" "$(median stock-push 1)" s 2
        at_least "push to a full registry, skopeo copy of each: wall time" "$(median kk-push-full 1)" "$(median stock-push-full 1)" s 10
    fi
    add_memory push "$(most kk-push 3)"
    stop_server "registry-${target_registry#*:}" docker-registry
    rm -rf "$(work_dir)/target"
}

stock_push() {
    local number
    for ((number = 0; number < images; number++)); do
        skopeo copy --quiet --dest-tls-verify=false "oci:$1:registry.example.org/$(image_name "$number"):v1" \
            "docker://$target_registry/$(image_name "$number"):v1"
    done
}

kk_import() { "$kk" artifact import -a "$1" --store "$(work_dir)/store" --output json; }

kk_push() { "$kk" artifact images push -a "$2" --to "$1" --plain-http; }

# Tomorrow's export after one image of twenty changed: what comes over the network, and what a delta carries.
bench_again() {
    local manifest fetched new
    new=$(<"$(world_dir)/changed-bytes")
    manifest=$(fresh_manifest manifest.yaml)
    rm -rf "$(work_dir)/cache"
    kk_export "$source_registry" "$manifest" "$(work_dir)/base.tar" >/dev/null 2>&1
    cp "$(world_dir)/changed.yaml" "$manifest"
    forget source
    forget files
    kk_export "$counted_registry" "$manifest" "$(work_dir)/again.tar" >/dev/null 2>&1
    fetched=$(($(bytes_out source) + $(bytes_out files)))
    # Manifests and the heads of HTTP answers are counted too.
    at_most "export again, one image changed ($new new bytes): bytes over those" "$((fetched - new))" B 131072
    rm -f "$(work_dir)/again.tar"
    if has "artifact export" --base; then
        kk_export "$counted_registry" "$manifest" "$(work_dir)/delta.tar" --base "$(work_dir)/base.tar" >/dev/null 2>&1
        at_most "delta of that (--base): bytes over those" "$(($(stat -c %s "$(work_dir)/delta.tar") - new))" B 2000000
    fi
    rm -f "$(work_dir)/base.tar" "$(work_dir)/delta.tar"
    rm -rf "$(work_dir)/cache"
}

# has COMMAND FLAG: whether this kk has it; says so where it has not.
has() {
    local words
    read -ra words <<<"$1"
    if "$kk" "${words[@]}" --help 2>/dev/null | grep -q -- "$2"; then return; fi
    say "  skipped: this kk has no $1 $2"
    return 1
}

# Four readers at once take everything that the bundle serves.
bench_serve() {
    local address=127.0.0.1:$((world_port + 5)) pid number
    has "artifact serve" --listen || return 0
    ensure_bundle
    setsid "$kk" artifact serve -a "$(bundle tar)" --listen "$address" >"$(log_file serve)" 2>&1 </dev/null 9>&- &
    pid=$!
    echo $pid >"$(bench_dir)/run/serve.pid"
    await "http://$address/v2/" "kk artifact serve"
    for ((number = 0; number < images; number++)); do
        curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
            "http://$address/v2/registry.example.org/$(image_name "$number")/manifests/v1" |
            jq -r --arg base "http://$address/v2/registry.example.org/$(image_name "$number")/blobs" '.layers[] | "\($base)/\(.digest)"'
    done >"$(work_dir)/addresses"
    xargs -P 4 -n 1 curl -fsS -o /dev/null <"$(work_dir)/addresses"
    add_memory serve "$(peak_memory $pid)"
    stop_server serve "artifact serve"
}

# What the engine itself takes for many hosts: its own tests print it, as no command could without the hosts.
bench_engine() {
    local log seconds memory busy
    log=$(log_file engine)
    (cd "$checkout" && CARGO_PROFILE_RELEASE_LTO=off cargo test --release --locked --lib -- --ignored --nocapture --exact \
        run::scale::a_plan_for_a_thousand_hosts) >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "the engine's tests failed"; }
    read -r _ _ seconds memory _ < <(grep '^measured plan' "$log")
    at_most "a plan for 1,000 hosts" "$seconds" s 2
    at_most "a plan for 1,000 hosts: peak memory" "$(calculate "$memory / 1024" 0)" MiB 300
    (cd "$checkout" && CARGO_PROFILE_RELEASE_LTO=off cargo test --release --locked --lib -- --ignored --nocapture --exact \
        run::scale::a_run_over_five_hundred_hosts) >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "the engine's tests failed"; }
    read -r _ _ seconds busy memory _ < <(grep '^measured run' "$log")
    say "  a run over 500 hosts: $seconds s, of which $busy s of processor time"
    add_row "a run over 500 hosts with 20 ms latency: wall time that is waiting for hosts" \
        "$(calculate "100 * (1 - $busy / $seconds)" 1) %" "" "" "at least 95 %" "$(verdict "$busy <= 0.05 * $seconds")"
}
