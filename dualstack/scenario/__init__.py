"""The vocabulary of scenarios: what a behaviour needs, as data."""
