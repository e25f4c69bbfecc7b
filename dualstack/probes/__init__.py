"""Probes: one exec per source tests all its targets; each answer becomes part of an Observation."""
