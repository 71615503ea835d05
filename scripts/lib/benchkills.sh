# shellcheck shell=bash
# SIGKILL at ten moments of a run: the next run completes, and moves again less than 64 MB of what had arrived.

moments=10
again_limit=64000000

# Rows of the table of moments.
kill_rows=()

bench_kills() {
    kill_rows=()
    kills_of_export
    if has "artifact images" push; then kills_of_push; fi
    if has artifact import; then kills_of_import; fi
    notes+=("$(kills_table)")
}

kills_table() {
    echo '| killed | at | moved before | moved by the next run | of it again | the next run |'
    echo '|---|---|---|---|---|---|'
    printf '%s\n' "${kill_rows[@]}"
}

# killed_after SECONDS COMMAND...: runs it in a process group of its own and kills the group.
killed_after() {
    local seconds=$1 pid
    shift
    setsid "${in_bash[@]}" "$@" >"$(work_dir)/stdout" 2>"$(work_dir)/stderr" </dev/null 9>&- &
    pid=$!
    sleep "$seconds"
    kill -KILL -- "-$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# seconds_of COMMAND...: how long a whole run takes.
seconds_of() {
    local from=$EPOCHREALTIME to
    "$@" >"$(work_dir)/stdout" 2>"$(work_dir)/stderr" || { tail -n 20 "$(work_dir)/stderr" >&2; die "$1 failed"; }
    to=$EPOCHREALTIME
    calculate "(${to/,/.} - ${from/,/.})"
}

# kills_of WHAT COUNTERS WHOLE PREPARE COMMAND...: COUNTERS names the logs, and whether bytes come in or go out of the server;
# WHOLE is what one undisturbed run moves. PREPARE makes the state that a first run finds.
kills_of() {
    local what=$1 count=$2 prepare=$3 whole length moment at before after again worst=0
    shift 3
    $prepare
    forget_all
    length=$(seconds_of "$@")
    whole=$($count)
    for ((moment = 1; moment <= moments; moment++)); do
        $prepare
        forget_all
        at=$(calculate "$length * $moment / ($moments + 1)")
        killed_after "$at" "$@"
        before=$($count)
        forget_all
        local took
        took=$(seconds_of "$@")
        after=$($count)
        again=$((before + after - whole))
        ((again > 0)) || again=0
        ((again <= worst)) || worst=$again
        kill_rows+=("| $what | $at s of $length s | $(mb "$before") | $(mb "$after") | $(mb "$again") | completes in $took s |")
        say "  ${kill_rows[-1]}"
    done
    at_most "$what killed at $moments moments: most bytes moved again" "$(mb "$worst" | tr -d ' MB')" MB $((again_limit / 1000000))
}

mb() { printf '%s MB\n' "$(calculate "$1 / 1000000" 1)"; }

forget_all() { forget source; forget files; forget target; }
export_bytes() { echo $(($(bytes_out source) + $(bytes_out files))); }
push_bytes() { bytes_in target; }

kills_of_export() {
    local manifest
    manifest=$(fresh_manifest manifest.yaml)
    kills_of export export_bytes no_cache kk_export "$counted_registry" "$manifest" "$(work_dir)/killed.tar"
    rm -rf "$(work_dir)/cache" "$(work_dir)/killed.tar"
}
no_cache() { rm -rf "$(work_dir)/cache" "$(work_dir)/killed.tar" "$(work_dir)/manifest/manifest.lock"; settle; }

kills_of_push() {
    ensure_bundle
    kills_of push push_bytes start_empty_target kk_push "$counted_target" "$(bundle tar)"
    stop_server "registry-${target_registry#*:}" docker-registry
    rm -rf "$(work_dir)/target"
}

kills_of_import() {
    ensure_bundle
    kills_of import import_bytes no_store kk_import "$(bundle tar)"
    no_store
}
no_store() { rm -rf "$(work_dir)/store"; settle; }
# A whole run says what it wrote; of one that was killed, all counts that it left.
import_bytes() {
    if grep -qs '"store"' "$(work_dir)/stdout"; then jq 'select(.store).bytes' "$(work_dir)/stdout"; else du -s --apparent-size --block-size=1 "$(work_dir)/store" | cut -f1; fi
}
