#!/bin/sh
# Runs a command under a machine's own kernel, from outside of it: `call.sh 'COMMAND LINE'`. No terminal.
# Command, input, output and status are files that both sides see (own-kernel.sh is the other side); a line
# on the kernel's serial port says that there is something to do.
set -eu
call=$(mktemp -d /run/lab/machine/calls/XXXXXX)
printf '%s\n' "$1" >"$call/command"
if [ -t 0 ]; then : >"$call/input"; else cat >"$call/input"; fi
echo "${call##*/}" >/run/lab/serial
until [ -e "$call/status" ]; do
    kill -0 "$(cat /run/lab/kernel.pid)" 2>/dev/null || { echo "its kernel has ended" >&2; exit 125; }
    sleep 0.05
done
cat "$call/output"
cat "$call/errors" >&2
status=$(cat "$call/status")
rm -r "$call"
exit "$status"
