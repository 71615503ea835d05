# shellcheck shell=bash
# Measuring: wall time, processor time and memory of a command; medians of runs; bars that are reached or missed.

# Lines of the table: what, kk, the other side, ratio or value, bar, verdict.
results=()
# Paragraphs that are not rows: tables of their own.
notes=()

# Nothing that an earlier run wrote is still on its way to the disk.
settle() { sync; }

# timed NAME COMMAND...: adds one line "wall user+sys kilobytes" to the samples of NAME. What children take counts too.
timed() {
    local name=$1 line
    shift
    if ! /usr/bin/time -q -o "$(work_dir)/time" -f '%e %U %S %M' "$@" >"$(work_dir)/stdout" 2>"$(work_dir)/stderr"; then
        tail -n 20 "$(work_dir)/stderr" >&2
        die "$name: $1 failed"
    fi
    line=$(awk '{ printf "%s %.2f %d\n", $1, $2 + $3, $4 }' "$(work_dir)/time")
    echo "$line" >>"$(work_dir)/samples-$name"
    say "  $name: wall, processor (s), memory (KB): $line"
}

# quick NAME COMMAND...: the same for what ends too soon for hundredths of a second; the wall time alone, in milliseconds.
quick() {
    local name=$1 from=$EPOCHREALTIME to
    shift
    "$@" >"$(work_dir)/stdout" 2>"$(work_dir)/stderr" || die "$name: $1 failed"
    to=$EPOCHREALTIME
    echo "$(((${to/[.,]/} - ${from/[.,]/}) / 1000)) 0 0" >>"$(work_dir)/samples-$name"
}

# median NAME COLUMN: 1 is wall time, 2 processor time, 3 memory in KB.
median() {
    sort -n -k "$2,$2" "$(work_dir)/samples-$1" | awk -v column="$2" \
        '{ all[NR] = $column } END { print NR % 2 ? all[(NR + 1) / 2] : (all[NR / 2] + all[NR / 2 + 1]) / 2 }'
}

most() { sort -n -k "$2,$2" "$(work_dir)/samples-$1" | tail -n 1 | cut -d' ' -f"$2"; }

calculate() { awk "BEGIN { printf \"%.${2:-2}f\", $1 }"; }

# at_least WHAT OURS THEIRS UNIT BAR: how many times ours goes into theirs.
at_least() {
    local ratio
    ratio=$(calculate "$3 / ($2 > 0 ? $2 : 0.001)")
    add_row "$1" "$2 $4" "$3 $4" "${ratio}x" "at least $5x" "$(verdict "$ratio >= $5")"
}

# at_most WHAT VALUE UNIT BAR
at_most() { add_row "$1" "$2 $3" "" "" "at most $4 $3" "$(verdict "$2 <= $4")"; }

# holds WHAT VALUE YES: a bar that is met or not, without a number.
holds() { add_row "$1" "$2" "" "" "yes" "$([[ $3 == yes ]] && echo reached || echo MISSED)"; }

verdict() { awk "BEGIN { print ($1) ? \"reached\" : \"MISSED\" }"; }

add_row() {
    local IFS='|'
    results+=("$*")
    say "  -> $(tr '|' '\t' <<<"$*")"
}

# The peak of a process that still runs, in KB, from the kernel's own count.
peak_memory() { awk '/^VmHWM:/ { print $2 }' "/proc/$1/status"; }

# add_memory WHAT KILOBYTES
add_memory() { at_most "$1: peak memory" "$(calculate "$2 / 1024" 0)" MiB 128; }

# Counts in nginx's log since the last call of forget: bytes that came in, or went out.
forget() { : >"$(bench_dir)/run/$1.log"; }
bytes_in() { sleep 0.2; awk '{ sum += $1 } END { printf "%d\n", sum }' "$(bench_dir)/run/$1.log"; }
bytes_out() { sleep 0.2; awk '{ sum += $2 } END { printf "%d\n", sum }' "$(bench_dir)/run/$1.log"; }

table() {
    local row cells
    echo '| what | kk | stock tools | ratio | bar | |'
    echo '|---|---|---|---|---|---|'
    for row in "${results[@]}"; do
        IFS='|' read -ra cells <<<"$row|"
        printf '| %s | %s | %s | %s | %s | %s |\n' "${cells[@]:0:6}"
    done
    for row in "${notes[@]}"; do printf '\n%s\n' "$row"; done
}

# Prints the table; with --write it replaces what stands between the marks of this size in docs/benchmarks.md.
report_benches() {
    local page=$checkout/docs/benchmarks.md text marker="bench $size"
    text=$(machine_line; echo; table)
    printf '%s\n' "$text"
    if [[ $write ]]; then
        printf '%s\n' "$text" >"$(bench_dir)/tmp/report"
        awk -v begin="<!-- $marker -->" -v end="<!-- end of $marker -->" -v file="$(bench_dir)/tmp/report" '
            $0 == begin { print; print ""; while ((getline line < file) > 0) print line; print ""; skipping = 1 }
            $0 == end { skipping = 0 }
            !skipping && $0 != begin { print }' "$page" >"$page.new"
        mv "$page.new" "$page"
        say "wrote the results into $page"
    fi
    local row
    for row in "${results[@]}"; do [[ $row != *MISSED* ]] || return 1; done
}

machine_line() {
    printf 'World of %s; medians of %s; %s processors (%s), %s; skopeo %s, %s, %s.\n' "$size" "$runs" "$(nproc)" \
        "$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)" "$(date -u +%F)" \
        "$(skopeo --version | cut -d' ' -f3)" "$(tar --version | head -n 1)" "$(gzip --version | head -n 1)"
}
