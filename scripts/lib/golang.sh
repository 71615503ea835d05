# shellcheck shell=bash
# A Go toolchain, and builds of published modules with it.

# Debian 12's own Go is too old for any of the modules. It is new enough to download a newer toolchain, which
# is published as a module like any other: 60 MB, verified against the checksum database.
find_go() {
    if [[ $(go env GOVERSION 2>/dev/null || true) == go"$go_version" ]]; then
        go=$(command -v go)
        return
    fi
    build_once go "$go_version" fetch_go
    go=$(built go "$go_version")/bin/go
}

fetch_go() {
    local version=$1 dir=$2
    need_packages golang-1.19-go ca-certificates
    GOTOOLCHAIN=local GOMODCACHE=$dir/download /usr/lib/go-1.19/bin/go mod download \
        "golang.org/toolchain@v0.0.1-go$version.linux-amd64" >&2
    chmod -R u+w "$dir"
    mv "$dir"/download/golang.org/toolchain@*/* "$dir"/
    rm -rf "$dir/download"
    # Modules hold no executable bits.
    chmod -R a+x "$dir/bin" "$dir/pkg/tool"
}

# go_build DIR LDFLAGS TAGS REQUIREMENTS PACKAGE...
# Builds PACKAGEs into DIR from a module of our own that requires REQUIREMENTS (lines of a go.mod). A module
# of our own, because `go install module@version` refuses modules that replace others, and many here do.
go_build() {
    local dir=$1 ldflags=$2 tags=$3 requirements=$4
    shift 4
    local work
    work=$(mktemp -d "$(cache_dir)/tmp/module.XXXXXX")
    {
        echo "module upstream.build"
        echo "go ${go_version%.*}.0"
        echo "$requirements"
    } >"$work/go.mod"
    local cgo=${CGO_ENABLED:-0}
    (
        cd "$work"
        GOTOOLCHAIN=local GOFLAGS=-mod=mod GOWORK=off CGO_ENABLED=$cgo \
            "$go" build -trimpath -buildvcs=false -tags "$tags" -ldflags "-s -w $ldflags" -o "$dir/" "$@"
    ) >&2
    rm -rf "$work"
}

# The folder that a published module unpacks to.
module_source() {
    local work dir
    work=$(mktemp -d)
    dir=$(cd "$work" && GOTOOLCHAIN=local GOFLAGS=-mod=mod "$go" mod download -json "$1" | jq -r .Dir)
    rmdir "$work"
    [[ -d $dir ]] || die "module $1 could not be downloaded"
    printf '%s\n' "$dir"
}
