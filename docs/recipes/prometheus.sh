#!/bin/sh
# Judge and publish through node_exporter's textfile collector, from cron on a machine that has both:
#     30 2 * * * dualstack /opt/dualstack/prometheus.sh /var/lib/node_exporter/textfile_collector
# The collector takes every file that ends in .prom: `-o` gives the new one its name when it is whole.
set -u
folder=${1:?the folder that node_exporter watches}
dualstack run --time-limit=840
status=$?
dualstack report render reports/latest --format prometheus -o "$folder/dualstack.prom" || exit
exit "$status"
