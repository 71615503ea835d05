# shellcheck shell=bash
# What is on a host: for telling whether it was changed, and whether it is bare.

# Every file's path, size, mode and time, but for what a running system writes by itself.
everything_of() {
    on "$1" find / \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /var/log -o -path /var/lib/systemd \
        -o -path /var/lib/sudo -o -name .sudo_as_admin_successful -o -path /var/lib/private -o -path '/home/*/.cache' -o -path /etc/resolv.conf \) -prune \
        -o -type d -printf '%p %m\n' -o -printf '%p %s %m %T@\n' | sort
}

# What kk and kubeadm set up, and since when services run.
settings_of() {
    # shellcheck disable=SC2016
    on "$1" sh -c 'find /etc /usr/local /opt /var/lib/kk -type f -printf "%p %s %m %T@\n" | sort
        for unit in kubelet containerd etcd registry; do
            echo "$unit $(systemctl show -p ActiveEnterTimestampMonotonic --value $unit.service)"
        done' | sed "s/^/$1 /"
}

# bare HOST: fails with a list of all that is left of a cluster.
bare() {
    local left
    # shellcheck disable=SC2016
    left=$(on "$1" sh -c '
        for name in kubelet containerd containerd-shim etcd registry haproxy kube-apiserver kube-proxy flanneld coredns; do
            ps -eo comm= | grep -x "$name.*" | sed "s/^/process /"
        done
        cut -d" " -f2 /proc/mounts | grep -E "^/(var/lib/kubelet|run/containerd|run/netns|run/flannel|var/lib/containerd)/" | sed "s/^/mount /"
        ip -o link | grep -oE "(cni0|flannel\.1|veth[0-9a-f]+|kube-ipvs0|nodelocaldns)" | sed "s/^/link /"
        ip route | grep -E "10\.233\." | sed "s/^/route /"
        iptables-save 2>/dev/null | grep -E "KUBE-|FLANNEL-|CNI-" | sed "s/^/rule /"
        nft list tables 2>/dev/null | grep -E "kube-proxy" | sed "s/^/table /"
        ip netns list 2>/dev/null | grep cni | sed "s/^/namespace /"
        for unit in kubelet containerd etcd registry; do
            systemctl cat $unit.service >/dev/null 2>&1 && echo "unit $unit.service"
        done
        systemctl --failed --no-legend --plain | sed "s/^/failed /"
        for file in /etc/kubernetes /etc/kubekey /etc/cni /etc/containerd /etc/etcd /etc/ssl/etcd /etc/registry \
            /etc/crictl.yaml /etc/modules-load.d/kk.conf /etc/sysctl.d/99-kk.conf /opt/cni /var/lib/cni /var/lib/kk \
            /run/containerd /run/flannel /var/log/pods /var/log/containers ~root/.kube /etc/systemd/system/*kube* /etc/systemd/system/kk-* \
            /etc/systemd/system/*/kube* /etc/systemd/system/*etcd* /etc/systemd/system/*/etcd* /var/lib/etcd.before-restore-*; do
            [ ! -e "$file" ] || echo "file $file"
        done
        find /usr/local/bin /usr/local/sbin -type f ! -name lab-boot | sed "s/^/file /"
        for folder in /var/lib/kubelet /var/lib/containerd /var/lib/etcd /var/backups/kube_etcd /mnt/registry; do
            [ ! -d $folder ] || ls -A $folder | sed "s,^,file $folder/,"
        done
        hostname | grep -xE "node[0-9]+" | sed "s/^/name /"
        grep -E "kubesphere|kubekey|kk" /etc/hosts | sed "s/^/hosts /"
        find / -xdev \( -name "*.kk-part.*" -o -name "*.kk-new*" \) 2>/dev/null | sed "s/^/file /"
        find /tmp /var/tmp /root /home -iname "*kk*" | sed "s/^/file /"' || true)
    [[ ! $left ]] || { say "$left"; fail "$1 is not bare"; }
}
