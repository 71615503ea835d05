# shellcheck shell=bash
# Images as OCI layouts, made without a container engine: a layer is a tar, an image a few lines of JSON.

base_packages=(iptables nftables conntrack ipset iproute2 kmod ca-certificates)

# --- layers: a folder in the cache with layer.tar.gz and the digest of the tar in it --------------------------

write_layer() {
    local root=$1 dir=$2
    pack_root "$root" >"$dir/layer.tar"
    sha256sum <"$dir/layer.tar" | cut -d' ' -f1 >"$dir/diff-id"
    gzip -n -6 "$dir/layer.tar"
}

# The Debian that kube-proxy, flannel, haproxy and nginx have in common.
build_base_layer() {
    debian_root "$2/root" "${base_packages[@]}"
    write_layer "$2/root" "$2"
}

# What Debian needs on top of the base to run a server: the difference of two roots.
build_server_layer() {
    local dir=$2 base
    shift 2
    base=$(built layer-base bookworm)/root
    debian_root "$dir/root" "${base_packages[@]}" "$@"
    if [[ -d $dir/root/etc/nginx ]]; then container_nginx "$dir/root"; fi
    rsync -aHX --checksum --compare-dest="$base/" "$dir/root/" "$dir/added/"
    rm -rf "$dir/root"
    write_layer "$dir/added" "$dir"
    rm -rf "$dir/added"
}
build_haproxy_layer() { build_server_layer "$1" "$2" haproxy; }
build_nginx_layer() { build_server_layer "$1" "$2" nginx-light curl; }

# As the official image: logs to the container's output, and no listening on IPv6, which a host may lack.
container_nginx() {
    mkdir -p "$1/var/log/nginx"
    ln -sf /dev/stdout "$1/var/log/nginx/access.log"
    ln -sf /dev/stderr "$1/var/log/nginx/error.log"
    sed -i '/listen \[::\]/d' "$1/etc/nginx/sites-available/default"
}

# files_layer NAME VERSION FILE:PATH...  A layer with FILEs at PATHs.
files_layer() {
    files_of_layer=("${@:3}")
    build_once "layer-$1" "$2" build_files_layer
}
build_files_layer() {
    local pair target
    mkdir -p "$2/root"
    for pair in "${files_of_layer[@]}"; do
        target=$2/root/${pair##*:}
        mkdir -p "$(dirname "$target")"
        # With capabilities: CoreDNS has one.
        cp --preserve=mode,xattr "${pair%%:*}" "$target"
    done
    chown -R 0:0 "$2/root"
    for pair in "${files_of_layer[@]}"; do
        cp --attributes-only --preserve=xattr "${pair%%:*}" "$2/root/${pair##*:}"
    done
    write_layer "$2/root" "$2"
    rm -rf "$2/root"
}

# Under a binary alone: it still wants users by name and a folder for temporary files.
build_static_layer() {
    local root=$2/root
    mkdir -p "$root/etc" "$root/tmp"
    chmod 1777 "$root/tmp"
    printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnonroot:x:65532:\n' >"$root/etc/group"
    write_layer "$root" "$2"
    rm -rf "$root"
}

# --- images ----------------------------------------------------------------------------------------------------

# add_blob LAYOUT FILE MEDIA_TYPE: puts FILE into the layout and prints its descriptor.
add_blob() {
    local digest
    digest=$(sha256sum <"$2" | cut -d' ' -f1)
    mkdir -p "$1/blobs/sha256"
    ln -f "$2" "$1/blobs/sha256/$digest" 2>/dev/null || cp "$2" "$1/blobs/sha256/$digest"
    jq -cn --arg type "$3" --arg digest "sha256:$digest" --argjson size "$(stat -c %s "$2")" \
        '{mediaType: $type, digest: $digest, size: $size}'
}

# add_image LAYOUT ARCH CONFIG LAYER...: prints the descriptor of a manifest. CONFIG is the `config` of an image.
add_image() {
    local layout=$1 arch=$2 config=$3 layer layers='[]' diff_ids='[]' scratch
    shift 3
    scratch=$(mktemp -d "$(cache_dir)/tmp/image.XXXXXX")
    for layer; do
        layers=$(jq -c ". + [$(add_blob "$layout" "$layer/layer.tar.gz" application/vnd.oci.image.layer.v1.tar+gzip)]" <<<"$layers")
        diff_ids=$(jq -c ". + [\"sha256:$(<"$layer/diff-id")\"]" <<<"$diff_ids")
    done
    jq -cn --arg arch "$arch" --argjson config "$config" --argjson ids "$diff_ids" \
        '{architecture: $arch, os: "linux", created: "2024-01-01T00:00:00Z", config: $config,
          rootfs: {type: "layers", diff_ids: $ids}}' >"$scratch/config"
    jq -cn --argjson config "$(add_blob "$layout" "$scratch/config" application/vnd.oci.image.config.v1+json)" \
        --argjson layers "$layers" \
        '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: $config, layers: $layers}' \
        >"$scratch/manifest"
    add_blob "$layout" "$scratch/manifest" application/vnd.oci.image.manifest.v1+json
    rm -rf "$scratch"
}

# close_layout LAYOUT DESCRIPTOR
close_layout() {
    echo '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
    jq -cn --argjson image "$2" \
        '{schemaVersion: 2, manifests: [$image + {annotations: {"org.opencontainers.image.ref.name": "image"}}]}' \
        >"$1/index.json"
}

# image REFERENCE CONFIG LAYER...: an amd64 image, once.
image() {
    local reference=$1
    image_config=$2
    image_layers=("${@:3}")
    build_once "image/${reference%:*}" "${reference##*:}" build_image
}
build_image() {
    close_layout "$2" "$(add_image "$2" amd64 "$image_config" "${image_layers[@]}")"
}

# Two architectures under one tag, as nearly every public image is.
build_pause_image() {
    local version=$1 dir=$2 arch scratch manifests='[]' descriptor
    for arch in amd64 arm64; do
        descriptor=$(add_image "$dir" $arch '{"User":"65535:65535","Entrypoint":["/pause"]}' \
            "$(built "layer-pause-$arch" "$version")")
        manifests=$(jq -c --argjson image "$descriptor" --arg arch $arch \
            '. + [$image + {platform: {architecture: $arch, os: "linux"}}]' <<<"$manifests")
    done
    scratch=$(mktemp "$(cache_dir)/tmp/index.XXXXXX")
    jq -cn --argjson manifests "$manifests" \
        '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: $manifests}' >"$scratch"
    close_layout "$dir" "$(add_blob "$dir" "$scratch" application/vnd.oci.image.index.v1+json)"
    rm -f "$scratch"
}

# runs ENTRYPOINT [MORE]: the `config` of an image, from a JSON array (or null) and further JSON.
runs() {
    jq -cn --argjson entrypoint "$1" --argjson more "${2:-null}" \
        '{Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Entrypoint: $entrypoint} + $more'
}

build_images() {
    local release=$1 base static command pause coredns
    build_once layer-base bookworm build_base_layer
    base=$(built layer-base bookworm)
    build_once layer-static 1 build_static_layer
    static=$(built layer-static 1)

    for command in kube-apiserver kube-controller-manager kube-scheduler; do
        files_layer $command "$release" "$(built kubernetes "$release")/$command:usr/local/bin/$command"
        image "registry.k8s.io/$command:$release" "$(runs "[\"/usr/local/bin/$command\"]")" \
            "$static" "$(built layer-$command "$release")"
    done
    files_layer kube-proxy "$release" "$(built kubernetes "$release")/kube-proxy:usr/local/bin/kube-proxy"
    image "registry.k8s.io/kube-proxy:$release" "$(runs '["/usr/local/bin/kube-proxy"]')" \
        "$base" "$(built layer-kube-proxy "$release")"

    pause=$(pause_version_for "$release")
    files_layer pause-amd64 "$pause" "$(built pause "$pause")/pause-amd64:pause"
    files_layer pause-arm64 "$pause" "$(built pause "$pause")/pause-arm64:pause"
    build_once image/registry.k8s.io/pause "$pause" build_pause_image

    coredns=$(coredns_version_for "$release")
    files_layer coredns "$coredns" "$(built coredns "$coredns")/coredns:coredns"
    image "registry.k8s.io/coredns/coredns:$coredns" \
        "$(runs '["/coredns"]' '{"User":"nonroot:nonroot","WorkingDir":"/","ExposedPorts":{"53/tcp":{},"53/udp":{}}}')" \
        "$static" "$(built layer-coredns "$coredns")"

    files_layer flannel "$flannel_version" "$(built flannel "$flannel_version")/flanneld:opt/bin/flanneld"
    image "ghcr.io/flannel-io/flannel:$flannel_version" "$(runs '["/opt/bin/flanneld"]')" \
        "$base" "$(built layer-flannel "$flannel_version")"
    files_layer flannel-cni "$flannel_cni_tag" "$(built flannel-cni "$flannel_cni_source")/flannel:flannel"
    image "ghcr.io/flannel-io/flannel-cni-plugin:$flannel_cni_tag" "$(runs null)" \
        "$base" "$(built layer-flannel-cni "$flannel_cni_tag")"

    build_once layer-haproxy "$haproxy_version" build_haproxy_layer
    image "docker.io/library/haproxy:$haproxy_version" \
        "$(runs null '{"Cmd":["haproxy","-f","/usr/local/etc/haproxy/haproxy.cfg"],"User":"haproxy","StopSignal":"SIGUSR1"}')" \
        "$base" "$(built layer-haproxy "$haproxy_version")"
    build_once layer-nginx "$nginx_version" build_nginx_layer
    image "docker.io/library/nginx:$nginx_version" \
        "$(runs null '{"Cmd":["nginx","-g","daemon off;"],"ExposedPorts":{"80/tcp":{}},"StopSignal":"SIGQUIT"}')" \
        "$base" "$(built layer-nginx "$nginx_version")"
}
