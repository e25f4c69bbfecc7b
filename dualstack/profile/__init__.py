"""What a kind of cluster promises."""
