# shellcheck shell=bash
# The lab's hosts: containers on a network that leads nowhere.

# Every capability that Docker knows by name but two: SYS_RESOURCE, which the machine may not have itself, and
# SYS_TIME, because a host that sets its clock would set the machine's.
host_capabilities=(AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER
    FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE
    NET_BROADCAST NET_RAW SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE
    SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_TTY_CONFIG WAKE_ALARM)

container() { printf '%s-%s\n' "$lab" "$1"; }
address() { printf '%s.%s\n' "${subnet%.*}" $((10 + ${1#node})); }
gateway() { printf '%s.1\n' "${subnet%.*}"; }
lab_hosts() { docker ps -a --filter "label=kk.lab=$lab" --format '{{.Label "kk.host"}}' | sort -V; }
on_host() { docker exec -i "$(container "$1")" "${@:2}"; }

require_host() {
    docker container inspect "$(container "$1")" >/dev/null 2>&1 ||
        die "the lab $lab has no host $1 (it has: $(lab_hosts | paste -sd' '))"
}

# Internal: Docker gives it no route out and answers no names from outside.
create_network() {
    if docker network inspect "$lab" >/dev/null 2>&1; then return; fi
    # Docker would not mind, and the machine would lose its way to whichever of the two it had first.
    if [[ $(ip -4 route show root "$subnet/24"; ip -4 route show match "$subnet/24" | grep -v '^default' || true) ]]; then
        die "$subnet/24 is in use on this machine: choose another subnet with KK_LAB_SUBNET"
    fi
    docker network create --internal --subnet "$subnet/24" --gateway "$(gateway)" \
        --opt "com.docker.network.bridge.name=$bridge" "$lab" >/dev/null
}

create_host() {
    local host=$1 capability options=()
    if docker container inspect "$(container "$host")" >/dev/null 2>&1; then
        docker start "$(container "$host")" >/dev/null
        return
    fi
    for capability in "${host_capabilities[@]}"; do options+=(--cap-add "$capability"); done
    # Overlay file systems cannot be stacked here: what holds containers, and data that is big, is on volumes.
    for volume in /var/lib/containerd /var/lib/kubelet /var/lib/etcd /mnt/registry; do options+=(--volume "$volume"); done
    # Servers arrive with any name; giving them theirs is the installer's work.
    docker run --detach --name "$(container "$host")" --label "kk.lab=$lab" --label "kk.host=$host" \
        --hostname "srv-$(od -An -N3 -tx1 /dev/urandom | tr -d ' \n')" \
        --network "$lab" --ip "$(address "$host")" --stop-signal SIGRTMIN+3 \
        "${options[@]}" \
        --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined \
        --device-cgroup-rule 'a *:* rwm' --device /dev/kmsg --cgroupns=private \
        --tmpfs /run:exec --tmpfs /run/lock --env container=docker "$(host_image)" >/dev/null
}

await_host() {
    local host=$1 tries=120 state=''
    while ((tries-- > 0)); do
        state=$(on_host "$host" systemctl is-system-running 2>/dev/null || true)
        if [[ $state == running || $state == degraded ]]; then break; fi
        sleep 0.5
    done
    [[ $state == running ]] || die "$host is ${state:-not answering}: scripts/lab exec $host systemctl --failed"
}

# --- logins: no two kinds of site do it the same way, so neither do the hosts -----------------------------------

# login_of HOST: user and way in: root-key, key (sudo asks for nothing) or password (sudo asks for it too).
login_of() {
    case $1 in
        node1) echo root root-key ;;
        node2 | node3 | node5) echo operator password ;;
        *) echo operator key ;;
    esac
}

give_login() {
    local host=$1 user way
    read -r user way <<<"$(login_of "$host")"
    if [[ $user != root ]]; then
        on_host "$host" sh -c "id $user >/dev/null 2>&1 || useradd --create-home --gid operator --shell /bin/bash $user"
    fi
    case $way in
        root-key) authorize "$host" root /root ;;
        key)
            authorize "$host" "$user" "/home/$user"
            on_host "$host" sh -c "umask 337; cat >/etc/sudoers.d/$user" <<<"$user ALL=(ALL) NOPASSWD: ALL"
            ;;
        password)
            on_host "$host" chpasswd <<<"$user:$(password_of "$host")"
            on_host "$host" usermod -aG sudo "$user"
            ;;
    esac
    # Names asked of the machine's end of the bridge are refused at once: a resolver that knows nothing.
    if [[ ${KK_LAB_NAMESERVER:-} != none ]]; then
        on_host "$host" sh -c 'cat >/etc/resolv.conf' <<<"nameserver ${KK_LAB_NAMESERVER:-$(gateway)}"
    fi
}

authorize() {
    on_host "$1" sh -c "umask 077; mkdir -p $3/.ssh; cat >$3/.ssh/authorized_keys; chown -R $2 $3/.ssh" <"$state/id_ed25519.pub"
}

# --- what befalls hosts -----------------------------------------------------------------------------------------

stop_host() { docker stop -t 60 "$(container "$1")" >/dev/null; }
start_host() {
    docker start "$(container "$1")" >/dev/null
    await_host "$1"
}
disconnect_host() { docker network disconnect "$lab" "$(container "$1")"; }
connect_host() { docker network connect --ip "$(address "$1")" "$lab" "$(container "$1")"; }

show_hosts() {
    local host
    printf '%-8s %-14s %-12s %-10s %s\n' HOST ADDRESS CONTAINER SYSTEM NAME
    for host in $(lab_hosts); do
        printf '%-8s %-14s %-12s %-10s %s\n' "$host" "$(address "$host")" \
            "$(docker container inspect -f '{{.State.Status}}' "$(container "$host")")" \
            "$(timeout 5 docker exec "$(container "$host")" systemctl is-system-running 2>/dev/null || echo -)" \
            "$(timeout 5 docker exec "$(container "$host")" hostname 2>/dev/null || echo -)"
    done
}
