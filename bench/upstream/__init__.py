"""This suite next to Kubernetes' own dual-stack specs, on the same clusters: `make bench-upstream`."""
