"""From findings to causes: what breaks for one reason is said once."""
