# shellcheck shell=bash
# Debian root file systems, for the images that need more than one binary and for the lab's hosts.

# debian_root DIR PACKAGE...
# A minimal Debian 12 with PACKAGEs, without what nobody reads in an image.
debian_root() {
    local dir=$1 include
    shift
    include=$(IFS=,; echo "$*")
    # One date for all: the same packages give the same layer.
    SOURCE_DATE_EPOCH=1704067200 mmdebstrap --quiet --mode=root --variant=minbase --include="$include" \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        bookworm "$dir" >>"$(log_file mmdebstrap)" 2>&1 || die "mmdebstrap failed: see $(log_file mmdebstrap)"
    rm -rf "$dir"/var/lib/apt/lists/* "$dir"/var/cache/apt/* "$dir"/var/cache/debconf/* "$dir"/var/log/* \
        "$dir"/etc/resolv.conf "$dir"/etc/hostname "$dir"/dev/*
}

# pack_tar DIR: DIR as a tar on stdout that has the same bytes whenever it has the same files.
pack_tar() {
    tar -C "$1" --format=posix --pax-option='delete=atime,delete=ctime' --sort=name --mtime=@1704067200 \
        --owner=0 --group=0 --numeric-owner -c "${@:2}" .
}

# The same with owners and capabilities of files kept.
pack_root() {
    tar -C "$1" --format=posix --pax-option='delete=atime,delete=ctime' --sort=name --mtime=@1704067200 \
        --numeric-owner --xattrs --xattrs-include=security.capability -c .
}
