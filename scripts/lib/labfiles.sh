# shellcheck shell=bash
# What the lab's operator has in hand: a key, passwords, the hosts' public keys, and the cluster file.

make_key() {
    mkdir -p "$state"
    chmod 700 "$state"
    [[ -e $state/id_ed25519 ]] || ssh-keygen -q -t ed25519 -N '' -C "$lab" -f "$state/id_ed25519"
}

# One password for each host, made when first asked for. Real ones hold quotes, dollars and backslashes; node3's does.
password_of() {
    local file=$state/passwords/$1
    if [[ ! -e $file ]]; then
        (
            umask 077
            mkdir -p "$state/passwords"
            printf '%s' "$(od -An -N9 -tx1 /dev/urandom | tr -d ' \n')" >"$file"
            if [[ $1 == node3 ]]; then printf '%s' " \$HOME'\"\\#" >>"$file"; fi
        )
    fi
    cat "$file"
}

# Read from inside the hosts, so that they are known before the first connection.
write_known_hosts() {
    local host
    for host in $(lab_hosts); do
        on_host "$host" sh -c 'cat /etc/ssh/ssh_host_*_key.pub' | sed "s/^/$(address "$host") /"
    done >"$state/known_hosts"
}

# A string of a YAML file; JSON's strings are YAML's.
quoted() { printf '%s' "$1" | jq -Rs .; }

# The sample cluster file with this lab's addresses, key and passwords.
render_cluster() {
    local text n
    text=$(<"$scripts/../manifests/samples/cluster-ha.yaml")
    for n in 1 2 3 4 5; do
        text=${text//"\${ADDRESS_$n}"/$(address "node$n")}
        text=${text//"\${PASSWORD_$n}"/"$(quoted "$(password_of "node$n")")"}
    done
    text=${text//"\${PRIVATE_KEY}"/"$(quoted "$state/id_ed25519")"}
    (umask 077; printf '%s\n' "$text" >"$state/cluster.yaml")
}

# All hosts as `spec.hosts` lists them, for cluster files of other shapes.
render_hosts() {
    local host user way
    (
        umask 077
        for host in $(lab_hosts); do
            read -r user way <<<"$(login_of "$host")"
            printf -- '- {name: %s, address: %s, internalAddress: %s, port: 22, user: %s, ' \
                "$host" "$(address "$host")" "$(address "$host")" "$user"
            if [[ $way == password ]]; then
                printf 'password: %s}\n' "$(quoted "$(password_of "$host")")"
            else
                printf 'privateKeyPath: %s}\n' "$(quoted "$state/id_ed25519")"
            fi
        done >"$state/hosts.yaml"
    )
}

# Logs in as the cluster file says, host key checked.
ssh_host() {
    local host=$1 user way
    shift
    read -r user way <<<"$(login_of "$host")"
    local options=(-o "UserKnownHostsFile=$state/known_hosts" -o StrictHostKeyChecking=yes -o LogLevel=ERROR)
    if [[ $way == password ]]; then
        password_of "$host" >/dev/null
        printf '#!/bin/sh\ncat "%s"\n' "$state/passwords/$host" >"$state/askpass"
        chmod 700 "$state/askpass"
        SSH_ASKPASS=$state/askpass SSH_ASKPASS_REQUIRE=force ssh "${options[@]}" "$user@$(address "$host")" "$@"
    else
        ssh "${options[@]}" -i "$state/id_ed25519" -o IdentitiesOnly=yes "$user@$(address "$host")" "$@"
    fi
}
