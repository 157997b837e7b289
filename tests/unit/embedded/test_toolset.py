"""The tool families: pinned, complete, and of the versions they claim."""

import re

import pytest

from embedded import toolset
from embedded.tools import TOOLS

VERSIONED = {
    "kubernetes": ("k8s.io/kubernetes", toolset.KUBERNETES),
    "etcd": ("go.etcd.io/etcd/server/v3", toolset.ETCD),
    "coredns": ("github.com/coredns/coredns", toolset.COREDNS),
    "pulumi": ("github.com/pulumi/pulumi/pkg/v3", toolset.PULUMI),
    "pulumi-python": ("github.com/pulumi/pulumi/sdk/v3", toolset.PULUMI_PYTHON),
    "helm": ("helm.sh/helm/v3", toolset.HELM),
    "versitygw": ("github.com/versity/versitygw", toolset.VERSITYGW),
    "rclone": ("github.com/rclone/rclone", toolset.RCLONE),
    "local-path-provisioner": ("github.com/rancher/local-path-provisioner", toolset.LOCAL_PATH),
}


@pytest.mark.parametrize("family", VERSIONED)
def test_claimed_version_is_the_pinned_one(family: str) -> None:
    module, version = VERSIONED[family]
    required = re.findall(rf"^(?:require |\t){re.escape(module)} (\S+)", (TOOLS / family / "go.mod").read_text(), re.M)
    assert required == [version]


@pytest.mark.parametrize("family", toolset.FAMILIES, ids=lambda family: family.name)
def test_every_family_with_dependencies_has_checksums(family: toolset.Family) -> None:
    text = (TOOLS / family.name / "go.mod").read_text()
    assert "require" not in text or (TOOLS / family.name / "go.sum").stat().st_size > 0


def test_every_folder_of_tools_is_a_family() -> None:
    assert {path.name for path in TOOLS.iterdir() if path.is_dir()} == {family.name for family in toolset.FAMILIES}


def test_no_two_families_make_the_same_file() -> None:
    targets = [name for family in toolset.FAMILIES for name in family.packages.values()]
    targets += [target for family in toolset.FAMILIES for _, _, target in family.files]
    assert len(targets) == len(set(targets))
