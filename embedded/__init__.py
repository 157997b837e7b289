"""A Kubernetes cluster on a bare machine, for those who have no other: tools, images, node, offline plugin."""
