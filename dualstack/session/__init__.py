"""One run as pytest and its user see it: options, plugin, judging, record, terminal."""
