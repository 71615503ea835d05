# shellcheck shell=bash
# One base URL on loopback for all the official hosts: files at /HOST/PATH, images at /v2/HOST/REPOSITORY/….

run_dir() { printf '%s\n' "$(cache_dir)/run"; }

serve_up() {
    local port=${KK_UPSTREAM_PORT:-8480}
    while [[ $# -gt 0 ]]; do
        case $1 in
            --port) port=${2:?--port takes a number}; shift 2 ;;
            *) die "up knows no $1" ;;
        esac
    done
    [[ -d $(www_dir) ]] || die "nothing is built yet: scripts/upstream build"
    # What is served on that port stays up, and gets what was built since.
    if [[ $(served_port) != "$port" ]]; then
        serve_down
        mkdir -p "$(run_dir)"
        echo "$port" >"$(run_dir)/port"
        start_registry $((port + 1))
        start_nginx "$port" $((port + 1))
    fi
    push_images "$port"
    serve_status
}

# The storage behind the names of all the public registries.
start_registry() {
    local port=$1 config
    config=$(run_dir)/registry.yml
    cat >"$config" <<CONFIG
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $(cache_dir)/registry}
  delete: {enabled: true}
http: {addr: "127.0.0.1:$port"}
CONFIG
    OTEL_TRACES_EXPORTER=none setsid "$(built registry "$registry_version")/registry" serve "$config" \
        >"$(log_file registry)" 2>&1 </dev/null 9>&- &
    echo $! >"$(run_dir)/registry.pid"
    await "http://127.0.0.1:$port/v2/" registry
}

start_nginx() {
    local port=$1 registry_port=$2 config
    config=$(run_dir)/nginx.conf
    # nginx reads as an unprivileged user by default, which may not enter the cache of root.
    cat >"$config" <<CONFIG
user root;
worker_processes 2;
pid $(run_dir)/nginx.pid;
error_log $(log_file nginx) warn;
events { worker_connections 512; }
http {
    access_log $(cache_dir)/log/nginx-access.log;
    default_type application/octet-stream;
    sendfile on;
    client_max_body_size 0;
    client_body_temp_path $(run_dir)/body;
    proxy_temp_path $(run_dir)/proxy;
    fastcgi_temp_path $(run_dir)/fastcgi;
    uwsgi_temp_path $(run_dir)/uwsgi;
    scgi_temp_path $(run_dir)/scgi;
    server {
        listen 127.0.0.1:$port;
        location / { root $(www_dir); }
        location /v2/ {
            proxy_pass http://127.0.0.1:$registry_port;
            # The registry makes its upload locations from this.
            proxy_set_header Host \$http_host;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_read_timeout 600s;
        }
    }
}
CONFIG
    /usr/sbin/nginx -e "$(log_file nginx)" -c "$config" 9>&-
    await "http://127.0.0.1:$port/v2/" nginx
}

await() {
    local tries=100
    until curl -fsS -o /dev/null "$1" 2>/dev/null; do
        ((tries-- > 0)) || die "$2 does not answer at $1: see $(log_file "$2")"
        sleep 0.1
    done
}

# Pushes what the registry does not have yet, or has otherwise.
push_images() {
    local port=$1 layout reference wanted had
    while read -r layout; do
        reference=${layout#"$(cache_dir)/built/image/"}
        reference=${reference%/*}:${reference##*/}
        wanted=$(jq -r '.manifests[0].digest' "$layout/index.json")
        had=$(curl -sSI -H 'Accept: application/vnd.oci.image.index.v1+json' \
            -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
            "http://127.0.0.1:$port/v2/${reference%:*}/manifests/${reference##*:}" |
            tr -d '\r' | sed -n 's/^docker-content-digest: //Ip')
        [[ $wanted != "$had" ]] || continue
        say "pushing $reference"
        skopeo copy --quiet --all --dest-tls-verify=false "oci:$layout:image" "docker://127.0.0.1:$port/$reference"
    done < <(built_images)
}

built_images() { find "$(cache_dir)/built/image" -name index.json -printf '%h\n' 2>/dev/null | sort; }

serve_down() {
    stop_process nginx "$(run_dir)/nginx.pid" "nginx"
    stop_process registry "$(run_dir)/registry.pid" "registry serve"
}

stop_process() {
    local pid tries=100
    if is_ours "$2" "$3"; then
        pid=$(<"$2")
        kill "$pid"
        while [[ -d /proc/$pid ]] && ((tries-- > 0)); do sleep 0.1; done
    fi
    rm -f "$2"
}

# Empty when nothing is served.
served_port() {
    if is_ours "$(run_dir)/nginx.pid" nginx && is_ours "$(run_dir)/registry.pid" "registry serve"; then
        cat "$(run_dir)/port"
    fi
}

serve_status() {
    local port layout
    port=$(served_port)
    echo "built in $(cache_dir):"
    { [[ ! -d $(www_dir) ]] || find "$(www_dir)" -type f -printf '  https://%P  %s\n' | sort; }
    while read -r layout; do
        layout=${layout#"$(cache_dir)/built/image/"}
        echo "  ${layout%/*}:${layout##*/}"
    done < <(built_images)
    if [[ $port ]]; then
        echo "served: kk artifact export --mirror '*=http://127.0.0.1:$port' …   (or KK_MIRROR='*=http://127.0.0.1:$port')"
    else
        echo "not served: scripts/upstream up"
    fi
}
