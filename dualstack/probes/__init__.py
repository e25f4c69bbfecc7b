"""Probes: requests go out by exec or from the runner, answers come back, tallies count them."""
