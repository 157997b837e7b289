"""Configuration files of the node, as text. Pure: writes nothing, reads nothing.

The settings that are not obvious were needed on a machine without systemd, with hybrid cgroups and without
CAP_SYS_RESOURCE; each says why beside it.
"""

from dataclasses import dataclass
from typing import Any

import yaml

from embedded import toolset
from embedded.images import PAUSE, REGISTRY

POD_SUBNET = "10.244.0.0/16"
SERVICE_SUBNET = "10.96.0.0/16"
NODE_NAME = "crossfade"
CRI_SOCKET = "unix:///run/containerd/containerd.sock"
SERVICES = "/var/lib/crossfade/service"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What keeps several embedded clusters on one machine apart.

    Attributes:
        number: 0 to 15.
    """

    number: int

    @property
    def host_address(self) -> str:
        """Address of this machine on the link to the node."""
        return f"10.89.{self.number}.1"

    @property
    def node_address(self) -> str:
        """Address of the node."""
        return f"10.89.{self.number}.2"

    @property
    def interface(self) -> str:
        """Name of this machine's end of the link."""
        return f"cfade{self.number}"

    @property
    def cgroup(self) -> str:
        """Name of the cgroup that holds the node, in every hierarchy."""
        return f"crossfade{self.number}"


def containerd() -> str:
    """Return containerd's ``config.toml``."""
    return f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
# Lowering the OOM score needs CAP_SYS_RESOURCE.
oom_score = 0

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "runc"
      SystemdCgroup = false
"""


def cni() -> dict[str, Any]:
    """Return the CNI network list: a bridge, addresses by host-local, and host ports."""
    return {
        "cniVersion": "0.4.0",
        "name": "crossfade",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "promiscMode": False,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": POD_SUBNET}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    # On a tmpfs: the addresses of a node that was killed must not stay taken.
                    "dataDir": "/run/cni",
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def kubeadm(slot: Slot) -> str:
    """Return the file for ``kubeadm init --config``."""
    repository = f"{REGISTRY}/kubernetes"
    init = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": slot.node_address, "bindPort": 6443},
        "nodeRegistration": {
            "name": NODE_NAME,
            "criSocket": CRI_SOCKET,
            "taints": [],
            "imagePullPolicy": "Never",
            "kubeletExtraArgs": [{"name": "node-ip", "value": slot.node_address}],
        },
        # The default of one minute is short when another build keeps both cores busy.
        "timeouts": {"controlPlaneComponentHealthCheck": "4m0s"},
    }
    cluster = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "clusterName": "crossfade",
        "kubernetesVersion": toolset.KUBERNETES,
        "imageRepository": repository,
        "networking": {"podSubnet": POD_SUBNET, "serviceSubnet": SERVICE_SUBNET},
        "etcd": {"local": {"imageRepository": repository, "imageTag": toolset.ETCD, "dataDir": "/var/lib/etcd"}},
        "dns": {"imageRepository": repository, "imageTag": toolset.COREDNS},
    }
    kubelet = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{slot.cgroup}",
        # Machines with the hybrid cgroup layout have v1 controllers.
        "failCgroupV1": False,
        "failSwapOn": False,
        # Else one failed pull makes an image that was loaded by hand unusable.
        "imagePullCredentialsVerificationPolicy": "NeverVerify",
        # By default a disk that is 85 % full has its images collected; nothing could be pulled again.
        "evictionHard": {"nodefs.available": "1Gi", "imagefs.available": "1Gi", "memory.available": "200Mi"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "resolvConf": "/etc/resolv.conf",
    }
    proxy = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        # These sysctls belong to the machine, not to the node's network namespace.
        "conntrack": {"maxPerCore": 0, "min": 0},
    }
    return yaml.safe_dump_all([init, cluster, kubelet, proxy], sort_keys=False)


CONTAINERD_RUN = """#!/bin/sh
exec 2>&1
exec containerd --config /etc/containerd/config.toml --log-level warn
"""

# kubeadm writes the flags file; before `kubeadm init` there is nothing to run.
KUBELET_RUN = """#!/bin/sh
exec 2>&1
[ -s /var/lib/kubelet/config.yaml ] || { sleep 1; exit 0; }
. /var/lib/kubelet/kubeadm-flags.env
exec kubelet --config=/var/lib/kubelet/config.yaml --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \\
  --kubeconfig=/etc/kubernetes/kubelet.conf $(eval "echo $KUBELET_KUBEADM_ARGS")
"""

LOG_RUN = """#!/bin/sh
exec svlogd -tt .
"""
