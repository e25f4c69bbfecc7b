#!/bin/sh
# The first program under a machine's own kernel, where lab/modules/uml/init hands over: brings the network
# up, puts the second disk's folders in place, then runs what call.sh asks for on the serial port.
set -eu
export PATH=/usr/lib/dualstack-lab/iptables-legacy:/run/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
machine=/run/lab/machine

cat "$machine/hostname" >/proc/sys/kernel/hostname
sh -e "$machine/network.sh"
mkdir -p /run/lab/bin /run/lock
mount -t hostfs -o /run/lab/bin none /run/lab/bin
for part in containerd kubelet; do
    mkdir -p "/run/disk/$part" "/var/lib/$part"
    mount --bind "/run/disk/$part" "/var/lib/$part"
done
mount --make-rshared /

touch "$machine/calls/ready"
while read -r call; do
    (
        cd "$machine/calls/$call"
        set +e
        (cd / && exec sh -c "$(cat "$machine/calls/$call/command")") <input >output 2>errors
        echo "$?" >status.unfinished
        mv status.unfinished status
    ) &
    (:) # waiting for it reaps what has ended since
done </dev/ttyS0
