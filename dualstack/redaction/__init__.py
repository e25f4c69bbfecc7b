"""Other names for nodes, namespaces and addresses in everything that a run writes and prints."""
