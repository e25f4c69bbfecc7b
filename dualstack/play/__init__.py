"""Plan and play scenarios."""
