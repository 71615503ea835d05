# shellcheck shell=bash
# What befalls a run of kk and the hosts under it, and how the run ends then. Sourced by faults.sh, after lib.sh.
# shellcheck disable=SC2154

table=$work/log/faults.table

# A disk of its own for all that grows on a host; how large it is can be changed while it is used.
disk_size=8g
give_disk() {
    # shellcheck disable=SC2016
    on "$1" sh -ec 'mkdir -p /mnt/disk; mount -t tmpfs -o size='"$disk_size"',mode=755 disk /mnt/disk
        for folder in /var/lib/kk /var/lib/containerd /var/lib/etcd; do
            mkdir -p "/mnt/disk$folder" "$folder"; mount --bind "/mnt/disk$folder" "$folder"
        done'
}

fill_disk() {
    # Just above what is used, as a file system cannot be smaller than that; what is written meanwhile is met by trying.
    # shellcheck disable=SC2016
    on "$1" sh -c 'for more in 64 256 1024 4096 16384; do
            used=$(df --output=used -k /mnt/disk | tail -n 1)
            mount -o "remount,size=$((used + more))k" /mnt/disk 2>/dev/null && exit 0
        done; exit 1'
}

# The lab's end of a host's cable.
cable_of() {
    local index
    index=$(on "$1" cat /sys/class/net/eth0/iflink)
    ip -o link | awk -F': ' -v index_wanted="$index" '$1 == index_wanted { sub(/@.*/, "", $2); print $2 }'
}

# befall FAULT HOST
befall() {
    case $1 in
        kill) kill -KILL "$run_pid" 2>/dev/null || true ;;
        stop) lab kill "$2" ;;
        cut | blink) cable=$(cable_of "$2") && ip link set "$cable" down ;;
        full) fill_disk "$2" ;;
        *) fail "no fault is named $1" ;;
    esac
    if [[ $1 == blink ]]; then sleep 12 && ip link set "$cable" up; fi
}

# remedy FAULT HOST: as somebody does who was told what is wrong.
remedy() {
    case $1 in
        stop) lab start "$2" >/dev/null ;;
        cut) ip link set "$cable" up ;;
        full) on "$2" mount -o "remount,size=$disk_size" /mnt/disk ;;
    esac
}

words_of() {
    case $1 in
        kill) echo "kk is killed" ;;
        stop) echo "$2 loses its power" ;;
        cut) echo "$2's cable is pulled" ;;
        blink) echo "$2's cable is pulled for 12 s" ;;
        full) echo "$2's disk is full" ;;
    esac
}

# start_run NAME ARGUMENTS…: kk begins; $run_pid and $run_log are its.
start_run() {
    run_log=$work/log/$1.json
    run_said=$work/log/$1.log
    shift
    : >"$run_log"
    "$KK" "$@" --output json >"$run_log" 2>"$run_said" </dev/null &
    run_pid=$!
}

# at_step STEP HOST: waits until the run begins with that; false where it ended before.
at_step() {
    until grep -a '"step-started"' "$run_log" | grep -a "\"step\":\"$1\"" | grep -qa "\"host\":\"$2\""; do
        [[ -d /proc/$run_pid ]] || return 1
        sleep 0.1
    done
}

# The exit code is put into $run_status, and the seconds that it took into $seconds.
end_run() {
    local from limit=$((SECONDS + 1500))
    from=$(date +%s%N)
    while [[ -d /proc/$run_pid ]]; do
        ((SECONDS < limit)) || fail "kk did not end: $run_log"
        sleep 0.2
    done
    run_status=0
    wait "$run_pid" 2>/dev/null || run_status=$?
    seconds=$(awk -v ns=$(($(date +%s%N) - from)) 'BEGIN { printf "%.0f", ns / 1e9 }')
}

# What kk said at its end, as one line of a table.
last_words() {
    case $run_status in
        0) echo "went on to its end" ;;
        137) echo "killed" ;;
        *)
            printf 'ended after %s s with exit code %s: %s; hint: %s\n' "$seconds" "$run_status" \
                "$(sed -n 's/^error: //p' "$run_said" | head -n 1)" "$(sed -n 's/^hint: //p' "$run_said" | head -n 1)" | tr '|' '/'
            ;;
    esac
}

# chain VERB ARGUMENTS… -- MOMENT…: each moment is FAULT HOST STEP STEP_HOST. Each run is met by one fault at its moment;
# then what is wrong is put right, and the next run goes on. One after the last moment is left in peace.
chain() {
    local verb=$1 arguments=() moment fault host step step_host number=0 before='' row=''
    shift
    while [[ $1 != -- ]]; do arguments+=("$1"); shift; done
    shift
    for moment; do
        read -r fault host step step_host <<<"$moment"
        number=$((number + 1))
        start_run "fault-$verb-$number" "${arguments[@]}"
        if ! at_step "$step" "$step_host"; then
            end_run
            tail -n 20 "$run_said" >&2
            fail "$verb: the run after '$before' did not come to $step on $step_host"
        fi
        if [[ $row ]]; then printf '%s|went on beyond it\n' "$row" >>"$table"; fi
        sleep 0.5
        befall "$fault" "$host"
        end_run
        remedy "$fault" "$host"
        before="$(words_of "$fault" "$host") while $step runs on $step_host"
        row="$verb|$(words_of "$fault" "$host")|\`$step\` (${step_host//[()]/})|$(last_words)"
        ok "$before: $(last_words)"
        if [[ $run_status -ne 0 && $run_status -ne 137 ]]; then says "$run_said" '^error: ' '^hint: '; fi
    done
    start_run "fault-$verb-last" "${arguments[@]}"
    end_run
    [[ $run_status -eq 0 ]] || { tail -n 30 "$run_said" >&2; fail "$verb: the run after '$before' ended with $run_status"; }
    printf '%s|went on to the end, in %s s\n' "$row" "$seconds" >>"$table"
    ok "the run after it went to the end ($seconds s)"
}
