#!/bin/sh
# Inside a machine: start, check, stop or kill one of its services, each a script in services/ that ends in exec.
set -eu
action=$1 service=$2
pid_file=/run/lab/$service.pid
running() { [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null; }
case $action in
    start)
        running && exit 0
        rm -f "$pid_file"
        # shellcheck disable=SC2016  # the inner shell expands it
        setsid sh -c 'echo $$ >"$0"; exec sh "$1"' "$pid_file" "/run/lab/machine/services/$service" \
            </dev/null >>"/run/lab/machine/logs/$service.log" 2>&1 &
        until [ -s "$pid_file" ]; do sleep 0.01; done
        ;;
    check) running ;;
    stop | kill)
        running || exit 0
        if [ "$action" = stop ]; then kill "$(cat "$pid_file")"; else kill -KILL "$(cat "$pid_file")"; fi
        tries=0
        while running; do
            tries=$((tries + 1))
            if [ "$tries" -eq 50 ]; then kill -KILL "$(cat "$pid_file")"; fi
            sleep 0.1
        done
        ;;
    *) echo "unknown action $action" >&2; exit 2 ;;
esac
