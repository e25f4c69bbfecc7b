#!/bin/sh
# Pid 1 of a machine: builds the machine's own view of the file system, says so, then reaps orphans.
# Argument: the machine's folder, which holds `hostname`, `usr` (folders), etc/, var/ and services/.
set -eu
folder=$1

mount -t proc proc /proc
cat "$folder/hostname" >/proc/sys/kernel/hostname
mount -t sysfs sysfs /sys

# Each hierarchy that the host has, seen from this machine's own group down: the cgroup namespace does that.
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
while IFS=: read -r _ controllers _; do
    [ -n "$controllers" ] || continue
    place=/sys/fs/cgroup/${controllers#name=}
    mkdir "$place"
    case $controllers in
        name=*) mount -t cgroup -o "none,$controllers" cgroup "$place" ;;
        *) mount -t cgroup -o "$controllers" cgroup "$place" ;;
    esac
done </proc/self/cgroup

# Packages are laid over the host's /usr here only. Everything this script still needs from the
# folder is bound below /run first, since /var, /tmp or /run of the host may be where it lies.
mount -t overlay overlay -o "ro,lowerdir=$(cat "$folder/usr"):/usr" /usr
mount -t tmpfs -o mode=755 tmpfs "$folder/run"
mkdir -p "$folder/run/lab/machine" "$folder/run/lab/bin" "$folder/run/lab/images" "$folder/run/etc.upper" \
    "$folder/run/etc.work" "$folder/run/lock"
mount --bind "$folder" "$folder/run/lab/machine"
mount --bind -o ro "$(readlink -f "$folder/bin")" "$folder/run/lab/bin"
while read -r image; do
    name=$folder/run/lab/images/$(basename "$image")
    touch "$name"
    mount --bind "$image" "$name"
done <"$folder/images"
for part in "$folder"/lent/*/*; do # what links there points to
    [ -e "$part" ] || continue
    place=$folder/run/lab/${part#"$folder"/lent/}
    mkdir -p "$place"
    mount --bind -o ro "$(readlink -f "$part")" "$place"
done
cp -a "$folder/etc/." "$folder/run/etc.upper/"
mount --rbind "$folder/run" /run
mount -t overlay overlay -o "lowerdir=/etc,upperdir=/run/etc.upper,workdir=/run/etc.work" /etc
mount --rbind /run/lab/machine/var /var
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount --make-rshared /

touch /run/lab/ready
while :; do
    sleep 86400 &
    wait
done
