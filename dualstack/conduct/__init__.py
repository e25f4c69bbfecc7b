"""Carry out the plan: background threads in the controller create, wait and probe; tests wait for topics."""
