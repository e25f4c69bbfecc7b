"""Measurements as commands; never tests."""
