"""The node's configuration files."""

import pytest
import yaml

from embedded import images, toolset
from embedded.node import config
from embedded.node.config import Slot


def _documents(slot: Slot) -> dict[str, dict[str, object]]:
    return {document["kind"]: document for document in yaml.safe_load_all(config.kubeadm(slot))}


def test_slots_share_no_address_interface_or_cgroup() -> None:
    slots = [Slot(number=number) for number in range(16)]
    for attribute in ("host_address", "node_address", "interface", "cgroup"):
        assert len({getattr(slot, attribute) for slot in slots}) == 16


def test_interface_names_fit_the_kernels_limit() -> None:
    assert all(len(Slot(number=number).interface) <= 15 for number in range(16))


def test_every_image_kubeadm_asks_for_is_assembled_here() -> None:
    names = {recipe.reference for recipe in images.recipes()}
    cluster = _documents(Slot(number=0))["ClusterConfiguration"]
    repository = cluster["imageRepository"]
    control_plane = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    wanted = {f"{repository}/{name}:{cluster['kubernetesVersion']}" for name in control_plane}
    wanted |= {f"{repository}/etcd:{toolset.ETCD}", f"{repository}/coredns:{toolset.COREDNS}", images.PAUSE}
    assert wanted <= names


def test_stand_in_is_named_as_one() -> None:
    servers = [recipe.name for recipe in images.recipes() if "modelserver" in recipe.name]
    assert servers
    assert all("stand-in" in name for name in servers)


@pytest.mark.parametrize("number", [0, 3])
def test_kubelet_stays_in_the_clusters_own_cgroup(number: int) -> None:
    kubelet = _documents(Slot(number=number))["KubeletConfiguration"]
    assert kubelet["cgroupRoot"] == f"/crossfade{number}"


def test_preloaded_images_are_never_collected() -> None:
    assert _documents(Slot(number=0))["KubeletConfiguration"]["imageGCHighThresholdPercent"] == 100
