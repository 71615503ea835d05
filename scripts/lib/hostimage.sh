# shellcheck shell=bash
# The image that the lab's hosts boot: a bare Debian 12 server with systemd and sshd, and nothing of Kubernetes.

host_packages=(systemd systemd-sysv dbus openssh-server iproute2 iptables procps ca-certificates sudo kmod
    ebtables ethtool socat conntrack ipset)

# Keyed by what it is made from, so that a changed recipe gives another image.
host_image() {
    printf 'kk-lab-host:%s\n' "$(cat "$scripts"/lib/{hostimage,rootfs}.sh "$scripts"/images/host/* | sha256sum | cut -c1-12)"
}

ensure_host_image() {
    local image
    image=$(host_image)
    if docker image inspect "$image" >/dev/null 2>&1; then return; fi
    need_packages ca-certificates mmdebstrap
    (
        lock_cache
        if docker image inspect "$image" >/dev/null 2>&1; then exit; fi
        build_host_image "$image"
    )
}

build_host_image() {
    local image=$1 root
    say "building the hosts' image $image: about a minute, once"
    root=$(mktemp -d "$(cache_dir)/tmp/host.XXXXXX")
    debian_root "$root" "${host_packages[@]}"
    make_bare_server "$root"
    tar -C "$root" --numeric-owner --xattrs --xattrs-include=security.capability -c . |
        docker import -c 'CMD ["/sbin/init"]' - "$image" >/dev/null
    rm -rf "$root"
}

make_bare_server() {
    local root=$1
    install -m 755 "$scripts/images/host/lab-boot" "$root/usr/local/sbin/lab-boot"
    install -m 644 "$scripts/images/host/lab-boot.service" "$root/etc/systemd/system/lab-boot.service"
    # Each host makes its own keys and its own identity at its first boot.
    rm -f "$root"/etc/ssh/ssh_host_*
    : >"$root/etc/machine-id"
    mkdir -p "$root/var/log/journal" "$root/root/.ssh"
    chmod 700 "$root/root/.ssh"
    chroot "$root" systemctl --quiet enable lab-boot.service ssh.service
    # No terminals here, and nothing to update from.
    chroot "$root" systemctl --quiet mask getty@.service console-getty.service apt-daily.timer apt-daily-upgrade.timer \
        dpkg-db-backup.timer systemd-remount-fs.service
}
