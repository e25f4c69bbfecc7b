# Runs inside a probe pod, by exec. Reads one request a line until a lone dot:
#   http ID URL | large ID URL | ping ID ADDRESS | udp ID ADDRESS PORT SOURCE-PORT WORD
#   echo ID ADDRESS PORT SOURCE-PORT BYTES | interfaces ID | sysctls ID
#   told ID | key ID NAME FILE | resolver ID | dig ID SERVER[,SERVER]... NAME TYPE [NAME TYPE]...
# Prints `curl {…}` for each http request made and `FILE.ID:LINE` for everything that was written down.
dir=$(mktemp -d) || exit 70
cd "$dir" || exit 70
while read -r kind id argument; do
    case $kind in
    .) break ;;
    http) printf 'url = "%s?request=%s"\noutput = "body.%s"\n' "$argument" "$id" "$id" >>.curl ;;
    large) printf 'url = "%s?request=%s"\noutput = "body.%s"\n' "$argument" "$id" "$id" >>.large ;;
    ping) { ping -c 1 -W 2 "$argument" >"ping.$id" 2>&1; echo "exit $?" >>"ping.$id"; } & ;;
    udp)
        # One datagram from a given source port, one answer (-W 1), 1 s to wait for it.
        # shellcheck disable=SC2086
        set -- $argument
        { printf %s "$4" | nc -u -W 1 -w 1 -p "$3" "$1" "$2" >"udp.$id" 2>&1; echo "
exit $?" >>"udp.$id"; } &
        ;;
    echo)
        # One datagram of so many bytes for netexec's `echo`; the number of bytes that come back is written down.
        # shellcheck disable=SC2086
        set -- $argument
        { { printf 'echo '; head -c "$4" /dev/zero | tr '\0' x; } >"big.$id"
          nc -u -W 1 -w 1 -p "$3" "$1" "$2" <"big.$id" >"came.$id" 2>"udp.$id"
          code=$?; { wc -c <"came.$id"; echo "exit $code"; } >>"udp.$id"; rm -f "big.$id" "came.$id"; } &
        ;;
    interfaces)
        ip -j address >"addresses.$id" 2>&1
        ip -j -4 route >"routes.IPv4.$id" 2>&1
        ip -j -6 route >"routes.IPv6.$id" 2>&1
        ;;
    sysctls)
        grep -H '' /proc/sys/net/ipv6/conf/*/forwarding /proc/sys/net/ipv6/conf/*/disable_ipv6 \
            /proc/sys/net/ipv6/conf/*/accept_ra >"sysctls.$id" 2>/dev/null
        ;;
    told)
        # What the kubelet tells a pod of its addresses: two variables, and the file of host names.
        printf '%s\n' "${POD_IPS-}" >"podips.$id"
        printf '%s\n' "${HOST_IPS-}" >"hostips.$id"
        cat /etc/hosts >"hosts.$id" 2>/dev/null
        ;;
    resolver) cat /etc/resolv.conf >"resolver.$id" 2>/dev/null ;;
    dig)
        # Questions to name servers (a comma between these), six to a process: a dead server takes a second for each.
        # shellcheck disable=SC2086
        set -- $argument
        {
            servers=$(echo "$1" | tr , ' ') s=0
            shift
            for server in $servers; do
                echo "$@" | xargs -n 12 echo | {
                    c=0
                    while read -r some; do
                        { dig +tries=1 +time=1 +noall +question +comments +answer +stats "@$server" $some \
                            >"dig-$s-$c.$id" 2>&1; echo "exit $?" >>"dig-$s-$c.$id"; } &
                        c=$((c + 1))
                    done
                    wait
                } &
                s=$((s + 1))
            done
            wait
        } &
        ;;
    key)
        # The value of one key of a JSON file and nothing else: the same file may hold a secret.
        # shellcheck disable=SC2086
        set -- $argument
        sed -n 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*"\([A-Za-z]*\)".*/\1/p' "$2" >"key.$id" 2>/dev/null
        ;;
    esac
done
if [ -s .large ]; then
    # Requests of a megabyte, which the server has read to the end before it answers: Go's servers take
    # 1 MiB of headers. A few at a time, since each takes memory at both ends. With a body (-d), as curl 7.88
    # forgets the rest of a GET whose headers do not fit into the socket's buffer.
    i=0
    while [ $((i += 1)) -le 125 ]; do printf 'X-%d: %07990d\n' "$i" 0; done >.megabyte
    curl -q -g -s --noproxy '*' --parallel --parallel-immediate --parallel-max 6 --connect-timeout 2 --max-time 6 \
        -d x -H @.megabyte -w 'curl %{json}\n' -K .large >.large.said 2>>curl.trouble &
fi
if [ -s .curl ]; then
    # Literal addresses only, so each request is of one family. -q: no one's .curlrc.
    # Once there is a connection, only a server that is slow keeps it waiting: it gets longer.
    curl -q -g -s --noproxy '*' --parallel --parallel-immediate --parallel-max 200 \
        --connect-timeout 2 --max-time 10 -w 'curl %{json}\n' -K .curl 2>>curl.trouble
fi
wait
cat .large.said 2>/dev/null
grep -H '' ./* 2>/dev/null
cd / && rm -rf "$dir"
