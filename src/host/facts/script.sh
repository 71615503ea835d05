# What a host is: one `key=value` a line. Changes nothing, asks for nothing, and answers what it can.
LC_ALL=C
export LC_ALL
# What a run that was cut off has left at work may change all that follows.
[ -e /run/kk/lock ] && command -v flock >/dev/null && ! flock -n -s /run/kk/lock true 2>/dev/null && echo busy=yes
kk_first() { [ -r "$1" ] && head -n 1 "$1" | tr -d '\0' | head -c 400; echo; }
printf 'time.start=%s\n' "$(date +%s.%N)"
printf 'system=%s\n' "$(uname -s)"
printf 'arch=%s\n' "$(uname -m)"
printf 'kernel=%s\n' "$(uname -r)"
printf 'hostname=%s\n' "$(kk_first /proc/sys/kernel/hostname)"
# glibc's getent; where there is none, the question stays open.
if command -v getent >/dev/null; then
  timeout 3 getent hosts "$(kk_first /proc/sys/kernel/hostname)" >/dev/null 2>&1 && echo resolves=yes || echo resolves=no
fi
printf 'machine-id=%s\n' "$(kk_first /etc/machine-id)"
printf 'product-uuid=%s\n' "$(kk_first /sys/class/dmi/id/product_uuid)"
{ cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release 2>/dev/null; } | grep -E '^(ID|VERSION_ID|PRETTY_NAME)=' | head -n 3 | sed 's/^/os./'
printf 'cpus=%s\n' "$(nproc 2>/dev/null || grep -c '^processor' /proc/cpuinfo)"
sed -nE 's/^(MemTotal|MemAvailable): *([0-9]+) kB.*/memory.\1=\2/p' /proc/meminfo
sed 1d /proc/swaps 2>/dev/null | head -n 16 | awk '{ print "swap=" $3 " " $1 }'

# Of a file system that hangs (NFS), only local ones are left.
{ timeout 10 df -Pka 2>/dev/null || timeout 10 df -Pkl 2>/dev/null; } | sed 1d | awk '$2 > 0 && $6 ~ /^\// { print "disk=" $2 " " $4 " " $6 }' | head -n 2000
for kk_folder in /var/lib/kk /var/lib/containerd /var/lib/kubelet /var/lib/etcd /var/lib/registry /mnt/registry /usr/local/bin /opt/cni/bin /var/log; do
  kk_real=$(readlink -f "$kk_folder" 2>/dev/null)
  [ -z "$kk_real" ] || [ "$kk_real" = "$kk_folder" ] || echo "link=$kk_folder $kk_real"
done

if command -v ss >/dev/null; then
  ss -Hltnp 2>/dev/null | head -n 2000 | sed 's/^/listen=/'
else
  for kk_table in /proc/net/tcp /proc/net/tcp6; do
    [ -r $kk_table ] && awk '$4 == "0A" { print "listen-hex=" $2 }' $kk_table
  done | head -n 2000
fi
ip -o addr show 2>/dev/null | awk '$3 == "inet" || $3 == "inet6" { print "address=" $2 " " $4 }' | head -n 2000
ip -4 route show default 2>/dev/null | head -n 1 | sed 's/^/route=/'
grep -E '^nameserver[[:space:]]' /etc/resolv.conf 2>/dev/null | head -n 8 | awk '{ print "nameserver=" $2 }'

case $(stat -fc %T /sys/fs/cgroup 2>/dev/null) in
  cgroup2fs) echo cgroup=2; sed 's/^/controllers=/' /sys/fs/cgroup/cgroup.controllers ;;
  *) echo cgroup=1; awk '!/^#/ && $4 == 1 { print "controllers=" $1 }' /proc/cgroups ;;
esac

# Features of the kernel by a test of the feature; a module file proves nothing, and its absence neither.
kk_loadable() { modprobe --dry-run --quiet "$1" 2>/dev/null && echo "feature=$2 loadable" || echo "feature=$2 missing"; }
if grep -qw overlay /proc/filesystems; then echo feature=overlay present; else kk_loadable overlay overlay; fi
if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then echo feature=bridge-netfilter present; else kk_loadable br_netfilter bridge-netfilter; fi
if unshare --net ip link add kk-probe type vxlan id 1 dstport 4789 2>/dev/null; then echo feature=vxlan present; else kk_loadable vxlan vxlan; fi
if unshare --net iptables -w 5 -t nat -N KK-PROBE 2>/dev/null; then echo feature=iptables-nat present; else kk_loadable iptable_nat iptables-nat; fi
# Containers bring their own nft; without one on the host, iptables in its name proves as much.
if unshare --net nft add table ip kk-probe 2>/dev/null; then echo feature=nftables present
elif iptables -V 2>/dev/null | grep -q nf_tables && unshare --net iptables -w 5 -t nat -N KK-PROBE 2>/dev/null; then echo feature=nftables present
else kk_loadable nf_tables nftables; fi
if [ -e /proc/net/ip_vs ]; then echo feature=ipvs present; else kk_loadable ip_vs ipvs; fi
printf 'ip-forward=%s\n' "$(kk_first /proc/sys/net/ipv4/ip_forward)"

for kk_command in awk cat chmod chown conntrack cp cut df ebtables ethtool find flock getconf grep gzip hostname ip \
  iptables ipset kmod ln losetup mktemp modprobe mount mountpoint mv nft nsenter pgrep pkill ps readlink restorecon rm \
  sed sha256sum socat sort ss stat swapoff sysctl systemctl tail tar tc tee timeout touch tr umount wc xargs; do
  command -v "$kk_command" >/dev/null 2>&1 && printf 'command=%s\n' "$kk_command"
done

if [ -d /run/systemd/system ]; then
  printf 'systemd=%s\n' "$(timeout 5 systemctl is-system-running 2>/dev/null)"
  timeout 10 systemctl show --property Id --property LoadState --property ActiveState --property FragmentPath \
    containerd.service docker.service crio.service cri-docker.service etcd.service kubelet.service registry.service \
    docker-registry.service haproxy.service k3s.service k3s-agent.service rke2-server.service rke2-agent.service \
    k0scontroller.service k0sworker.service snap.microk8s.daemon-kubelite.service firewalld.service ufw.service \
    nftables.service 2>/dev/null | sed 's/^/unit=/'
fi
grep -qiE '^ENABLED=yes' /etc/ufw/ufw.conf 2>/dev/null && echo ufw=enabled
command -v getenforce >/dev/null && printf 'selinux=%s\n' "$(getenforce 2>/dev/null)"

# Where only the operating system was prepared, nothing that is there is kk's yet.
ls -A /var/lib/kk 2>/dev/null | grep -qvxE 'blocks|hostname-before' && echo kk=yes
ls /var/lib/kk/units 2>/dev/null | head -n 100 | sed 's/^/kk-unit=/'
[ -s /var/lib/kk/clearing ] && printf 'clearing=%s\n' "$(head -c 20 /var/lib/kk/clearing)"
[ -s /var/lib/kk/kubernetes/joined ] && echo joined=yes
[ -s /var/lib/kk/kubernetes/joined ] && /usr/local/bin/kubelet --version 2>/dev/null | sed -n 's/^Kubernetes /kubelet=/p'
[ -s /etc/kubernetes/kubelet.conf ] && echo kubelet-conf=yes
[ -s /etc/kubernetes/admin.conf ] && echo admin-conf=yes
[ -d /var/lib/etcd/member ] && echo etcd-data=yes
[ -s /var/lib/kk/etcd/member ] && echo etcd-member=yes
if [ -s /var/lib/kk/etcd/member ] || [ -e /var/lib/kk/units/etcd.service ]; then
  # What runs may be older than what lies there: a run may have been cut off between the two.
  kk_pid=$(systemctl show -p MainPID --value etcd.service 2>/dev/null)
  for kk_etcd in "/proc/${kk_pid:-0}/exe" /usr/local/bin/etcd; do
    [ -x "$kk_etcd" ] || continue
    kk_version=$("$kk_etcd" --version 2>/dev/null | sed -n 's/^etcd Version: //p')
    [ -z "$kk_version" ] || { printf 'etcd-version=%s\n' "$kk_version"; break; }
  done
fi
ls /etc/cni/net.d 2>/dev/null | head -n 20 | sed 's/^/cni=/'
[ -s /etc/kubernetes/kubelet.conf ] && sed -nE 's/^ *server: *(.*)/cluster=\1/p' /etc/kubernetes/kubelet.conf | head -n 1
printf 'time.end=%s\n' "$(date +%s.%N)"
exit 0
