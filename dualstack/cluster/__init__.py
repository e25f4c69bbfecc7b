"""Connect to a cluster, call it, exec in it, and leave it as it was. Knows nothing about dual stack."""
