"""Manifests of the store's volume. Pure.

A folder of a node is for clusters that make no volumes themselves; it must be writable for the server's user (1000),
because the kubelet makes missing folders for root, and pod security forbids a container that could mend it.
"""

from components.manifests import Manifest, labels
from stacks.config import InClusterStorage, StorageVolume


def persistent_volume(config: InClusterStorage, volume: StorageVolume) -> Manifest:
    """Write the PersistentVolume for a folder of a node, bound to the store's claim alone."""
    node = volume.node
    affinity: Manifest = {
        "required": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
            ]
        }
    }
    return {
        "metadata": {"name": config.names.volume, "labels": labels(name="versitygw", component="storage")},
        "spec": {
            "capacity": {"storage": config.size},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": config.namespace, "name": config.names.volume},
            "hostPath": {"path": volume.host_path, "type": "DirectoryOrCreate"},
            **({"nodeAffinity": affinity} if node is not None else {}),
        },
    }


def persistent_volume_claim(config: InClusterStorage) -> Manifest:
    """Write the claim on the volume that holds the bucket."""
    spec: Manifest = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": config.size}}}
    if config.volume is not None:
        spec |= {"storageClassName": "", "volumeName": config.names.volume}
    elif config.storage_class is not None:
        spec |= {"storageClassName": config.storage_class}
    return {
        "metadata": {
            "name": config.names.volume,
            "namespace": config.namespace,
            "labels": labels(name="versitygw", component="storage"),
            # A class that binds with the first pod would keep the update waiting for a pod that comes after it. The
            # server's Deployment shows whether the claim was bound.
            "annotations": {"pulumi.com/skipAwait": "true"},
        },
        "spec": spec,
    }
