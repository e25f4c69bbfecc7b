"""What can be read of a cluster without changing anything."""
