"""Scenarios that several files in tests/ share, one file each; those of one file stand in that file."""
