"""The node: one kubeadm machine inside namespaces of its own.

Its init is the first process of a PID namespace, so that ending that one process ends containerd, the kubelet and
every container, and with them the node's mounts and interfaces. Nothing is left for a clean-up to forget.
"""
