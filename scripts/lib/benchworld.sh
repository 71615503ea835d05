# shellcheck shell=bash
# The world of the bench: twenty images that share layers, in one registry, and programs on one file server, on loopback.
# It is made once and follows from nothing but numbers and the programs of this machine.

bench_dir() { printf '%s\n' "${KK_BENCH:-${XDG_CACHE_HOME:-$HOME/.cache}/kk/bench}"; }
world_dir() { printf '%s\n' "$(bench_dir)/world-${size:?}"; }
# What one run makes; on the same file system, removed at its end.
work_dir() { printf '%s\n' "$(bench_dir)/work"; }
# Logs and scratch files of the other libraries go there too.
cache_dir() { bench_dir; }

world_port=${KK_BENCH_PORT:-8580}
source_registry=127.0.0.1:$world_port
file_server=127.0.0.1:$((world_port + 1))
counted_registry=127.0.0.1:$((world_port + 2))
target_registry=127.0.0.1:$((world_port + 3))
counted_target=127.0.0.1:$((world_port + 4))

images=20
programs=12
program_bytes=25000000

image_name() { printf 'team-%d/app-%02d\n' $(($1 % 4)) "$1"; }

# stream SEED: incompressible bytes without end that follow from a number.
stream() { openssl enc -aes-128-ctr -nosalt -K "$(printf '%032x' "$1")" -iv "$(printf '%032x' 0)" -in /dev/zero 2>/dev/null || true; }

# The machine's own programs and libraries, one after the other: they compress as programs do. In the order of their
# names, from the start again where there are too few.
make_pool() {
    local pool=$1 bytes=$2 list file magic
    list=$(mktemp "$(bench_dir)/tmp/list.XXXXXX")
    # Read by the shell itself: a process for each of so many files would take minutes.
    find /usr/bin /usr/lib "${RUSTUP_HOME:-$HOME/.rustup}" -xdev -type f -size +256k -print0 2>/dev/null | LC_ALL=C sort -z |
        while IFS= read -r -d '' file; do
            LC_ALL=C IFS= read -r -n 4 magic <"$file" 2>/dev/null || continue
            if [[ $magic == $'\177ELF' ]]; then printf '%s\0' "$file"; fi
        done >"$list"
    [[ -s $list ]] || die "there are no programs in /usr/bin and /usr/lib"
    : >"$pool"
    while [[ $(stat -c %s "$pool") -lt $bytes ]]; do xargs -0 cat <"$list" >>"$pool"; done
    truncate -s "$bytes" "$pool"
    rm -f "$list"
}

# layer NAME KIND MIB: a folder with layer.tar.gz and diff-id. Programs are compressed as published layers are; noise would
# only be stored by any level, so it is stored at once.
layer() {
    local dir=$1 kind=$2 mib=$3 seed=$4 level=6
    mkdir -p "$dir/root/opt"
    if [[ $kind == noise ]]; then
        stream "$seed" | head -c $((mib << 20)) >"$dir/root/opt/data-$seed"
        level=0
    else
        # From another place of the pool for each.
        tail -c +$(((seed * 37 % 1000) * 1000000 + 1)) "$pool" | head -c $((mib << 20)) >"$dir/root/opt/program-$seed" || true
    fi
    pack_tar "$dir/root" | tee >(sha256sum | cut -d' ' -f1 >"$dir/diff-id") | pigz -n -"$level" >"$dir/layer.tar.gz"
    rm -rf "$dir/root"
    while [[ ! -s $dir/diff-id ]]; do sleep 0.05; done
}

# Four bases, of which two are programs; five runtimes; and a large and a small layer of each image's own.
make_world() {
    [[ ! -e $(world_dir)/complete ]] || return 0
    local world started=$SECONDS own=45 number tmp layout kinds=(program noise) pool_bytes=1200000000
    world=$(world_dir)
    say "making the world of $size in $world"
    rm -rf "$world"
    mkdir -p "$world/registry" "$world/files"
    [[ $size == 1.5G ]] || own=700
    tmp=$(mktemp -d "$(bench_dir)/tmp/world.XXXXXX")
    pool=$tmp/pool
    make_pool "$pool" "$pool_bytes"
    for ((number = 0; number < programs; number++)); do
        tail -c +$((number * program_bytes + 1)) "$pool" | head -c "$program_bytes" >"$world/files/program-$number" || true
    done
    for number in 0 1 2 3; do layer "$tmp/base-$number" "${kinds[number % 2]}" $((number % 2 ? 50 : 140)) $((100 + number)); done
    for number in 0 1 2 3 4; do layer "$tmp/runtime-$number" noise 50 $((200 + number)); done
    start_registry_on "$source_registry" "$world/registry"
    for ((number = 0; number < images; number++)); do
        # At 15 GB all large layers are noise: it is made at the speed of the disk.
        if [[ $size == 15G ]]; then
            layer "$tmp/own" noise "$own" $((300 + number))
        else
            layer "$tmp/own" "${kinds[number % 2]}" $((number % 2 ? own : 125)) $((300 + number))
        fi
        layer "$tmp/small" program 20 $((400 + number))
        layout=$tmp/layout
        close_layout "$layout" "$(add_image "$layout" amd64 "$(runs '["/opt/program"]')" \
            "$tmp/base-$((number % 4))" "$tmp/runtime-$((number % 5))" "$tmp/own" "$tmp/small")"
        skopeo copy --quiet --dest-tls-verify=false "oci:$layout:image" "docker://$source_registry/$(image_name "$number"):v1"
        rm -rf "$layout" "$tmp/own" "$tmp/small"
    done
    # The first image once more, with another large layer: what a patch release changes.
    layer "$tmp/own" noise 45 500
    layer "$tmp/small" program 20 400
    close_layout "$tmp/layout" "$(add_image "$tmp/layout" amd64 "$(runs '["/opt/program"]')" \
        "$tmp/base-0" "$tmp/runtime-0" "$tmp/own" "$tmp/small")"
    skopeo copy --quiet --dest-tls-verify=false "oci:$tmp/layout:image" "docker://$source_registry/$(image_name 0):v2"
    stat -c %s "$tmp/own/layer.tar.gz" >"$world/changed-bytes"
    write_manifests "$world"
    rm -rf "$tmp"
    stop_servers
    touch "$world/complete"
    say "made the world in $((SECONDS - started)) s"
}

# The manifest of the whole, and the same with one image of twenty changed.
write_manifests() {
    local number
    {
        echo 'apiVersion: kubekey.kubesphere.io/v1alpha2'
        echo 'kind: Manifest'
        echo 'metadata: {name: bench}'
        echo 'spec:'
        echo '  arches: [amd64]'
        echo '  images:'
        for ((number = 0; number < images; number++)); do echo "    - registry.example.org/$(image_name "$number"):v1"; done
        echo '  files:'
        for ((number = 0; number < programs; number++)); do
            echo "    - {name: program-$number, url: 'https://files.example.org/program-$number'}"
        done
    } >"$1/manifest.yaml"
    sed "s#$(image_name 0):v1#$(image_name 0):v2#" "$1/manifest.yaml" >"$1/changed.yaml"
}

# --- servers ----------------------------------------------------------------------------------------------------

# start_registry_on ADDRESS FOLDER [PREFIX]: Debian's registry over plain HTTP.
start_registry_on() {
    local address=$1 folder=$2 config
    mkdir -p "$folder" "$(bench_dir)/run"
    config=$(bench_dir)/run/registry-${address#*:}.yml
    cat >"$config" <<CONFIG
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $folder, maxthreads: 100}
  delete: {enabled: true}
http: {addr: "$address", secret: bench}
CONFIG
    OTEL_TRACES_EXPORTER=none setsid docker-registry serve "$config" >"$(log_file "registry-${address#*:}")" 2>&1 </dev/null 9>&- &
    echo $! >"$(bench_dir)/run/registry-${address#*:}.pid"
    await "http://$address/v2/" registry
}

# One nginx: the files, and a door before each registry where bytes are counted.
start_world() {
    local run door
    run=$(bench_dir)/run
    start_registry_on "$source_registry" "$(world_dir)/registry"
    {
        echo "user root; worker_processes 2; pid $run/nginx.pid; error_log $(log_file bench-nginx) warn;"
        echo 'events { worker_connections 512; }'
        echo 'http {'
        # What came in, what went out, and which request it was.
        echo "    log_format counted '\$request_length \$bytes_sent \$request';"
        echo '    default_type application/octet-stream; sendfile on; client_max_body_size 0; proxy_http_version 1.1;'
        for door in body proxy fastcgi uwsgi scgi; do
            [[ $door == body ]] && echo "    client_body_temp_path $run/body;" || echo "    ${door}_temp_path $run/$door;"
        done
        echo "    server { listen $file_server; access_log $run/files.log counted; location / { root $(world_dir)/files; } }"
        proxy_door "$counted_registry" "$source_registry" "$run/source.log"
        proxy_door "$counted_target" "$target_registry" "$run/target.log"
        echo '}'
    } >"$run/nginx.conf"
    /usr/sbin/nginx -e "$(log_file bench-nginx)" -c "$run/nginx.conf" 9>&-
    await "http://$file_server/program-0" nginx
    # Both sides read their sources from the page cache.
    find "$(world_dir)" -type f -print0 | xargs -0 -n 64 cat >/dev/null
}

proxy_door() {
    cat <<SERVER
    server {
        listen $1;
        access_log $3 counted;
        location / {
            proxy_pass http://$2;
            proxy_set_header Host \$http_host;
            proxy_request_buffering off;
            proxy_buffering off;
        }
    }
SERVER
}

# Nothing in it: what a site's registry is before the first bundle.
start_empty_target() {
    stop_server "registry-${target_registry#*:}" docker-registry
    rm -rf "$(work_dir)/target"
    start_registry_on "$target_registry" "$(work_dir)/target"
}

stop_server() {
    local file pid tries=100
    file=$(bench_dir)/run/$1.pid
    if is_ours "$file" "$2"; then
        pid=$(<"$file")
        kill "$pid"
        while [[ -d /proc/$pid ]] && ((tries-- > 0)); do sleep 0.1; done
    fi
    rm -f "$file"
}

stop_servers() {
    stop_server nginx nginx
    stop_server "registry-${source_registry#*:}" docker-registry
    stop_server "registry-${target_registry#*:}" docker-registry
    stop_server serve "artifact serve"
}

await() {
    local tries=100
    until curl -fsS -o /dev/null "$1" 2>/dev/null; do
        ((tries-- > 0)) || die "$2 does not answer at $1"
        sleep 0.1
    done
}
