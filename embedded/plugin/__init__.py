"""The offline `kubernetes` Pulumi provider plugin, for machines that cannot have the official one.

Speaks Pulumi's provider protocol to the engine and the Kubernetes API to the cluster.
docs/offline-plugin.md lists what differs from the official plugin.
"""

VERSION = "4.34.2"  # the pulumi-kubernetes SDK release whose behaviour is followed
