"""What is claimed, what was found, and what follows from it."""
