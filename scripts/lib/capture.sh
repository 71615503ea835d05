# shellcheck shell=bash
# Proof of the gap: all that passes the lab's bridge is recorded, and read for anything meant for elsewhere.

capture_start() {
    need_packages tcpdump
    if is_ours "$state/tcpdump.pid" tcpdump; then die "a capture runs already"; fi
    rm -f "$state/capture.pcap"
    # Heads only: the question is who talks to whom.
    setsid tcpdump -i "$bridge" -nn -s 160 -U -Z root -w "$state/capture.pcap" >"$state/tcpdump.log" 2>&1 </dev/null &
    echo $! >"$state/tcpdump.pid"
    local tries=50
    until [[ -s $state/capture.pcap ]]; do
        ((tries-- > 0)) || die "tcpdump did not start: see $state/tcpdump.log"
        sleep 0.1
    done
    say "capturing on $bridge into $state/capture.pcap"
}

capture_stop() {
    is_ours "$state/tcpdump.pid" tcpdump || die "no capture runs"
    kill -INT "$(<"$state/tcpdump.pid")"
    while is_ours "$state/tcpdump.pid" tcpdump; do sleep 0.1; done
    rm -f "$state/tcpdump.pid"
}

packets() { tcpdump -nn -r "$state/capture.pcap" "$@" 2>/dev/null; }

# The range of the cluster's own Services, as the cluster file has it.
service_range() { sed -nE 's/.*kubeServiceCIDR: *([0-9./]+).*/\1/p' "$state/cluster.yaml"; }

# Says how many packets there were of each kind; fails when any was for an address outside the lab. What hosts
# send each other in tunnels is theirs: the outer addresses count. A pod that asks for a Service before kube-proxy has
# written that node's rules puts the Service's address onto the wire, where nobody has it: such packets are counted apart.
capture_report() {
    need_packages tcpdump
    [[ -s $state/capture.pcap ]] || die "nothing was captured: scripts/lab capture start"
    local inside="src net $subnet/24 and dst net $subnet/24" services outside
    services="src net $subnet/24 and dst net $(service_range)"
    outside="ip and not ($inside) and not ($services) and not ip multicast and not ip broadcast"
    echo "packets:                                $(packets | wc -l)"
    echo "between the lab's own addresses:        $(packets "ip and $inside" | wc -l)"
    echo "for the cluster's Services, too early:  $(packets "ip and $services" | wc -l)"
    echo "multicast and broadcast, IPv4:          $(packets "(ip multicast or ip broadcast) and not ($inside)" | wc -l)"
    echo "IPv6 (link-local and multicast only):   $(packets 'ip6 and (dst net fe80::/10 or ip6 multicast)' | wc -l)"
    echo "ARP for the lab's own addresses:        $(packets "arp and $inside" | wc -l)"
    echo
    echo "names asked of $(gateway), which answers none:"
    # A name that is looked up may tell of a wish to call out, though nothing could.
    packets "udp dst port 53 and dst host $(gateway)" | sed -nE 's/.* (A|AAAA|PTR|SRV)\? ([^ ]+) .*/  \2/p' | sort | uniq -c | sort -rn
    echo
    local strays
    strays=$(
        packets "$outside"
        packets "arp and not ($inside)"
        packets 'ip6 and not (dst net fe80::/10 or ip6 multicast)'
    )
    if [[ $strays ]]; then
        echo "to or from outside the lab: $(wc -l <<<"$strays")"
        sed 's/^/  /' <<<"$strays"
        return 1
    fi
    echo "to or from outside the lab: 0"
}
