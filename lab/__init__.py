"""A real dual-stack Kubernetes cluster on one Linux machine, made of network namespaces."""
