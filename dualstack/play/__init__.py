"""Plan the scenarios of a run, and play them."""
