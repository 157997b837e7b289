"""The Go tools: which module each comes from, what it is built into, and how long that takes.

Facts only; ``embedded.tools`` builds them. Each family is a folder of ``embedded/tools/`` with its own go.mod and
go.sum, because one shared go.mod would make their dependency versions fight. Versions here repeat go.mod's where a
tool's own ``--version`` needs them; ``tests/unit/embedded`` holds the two together.
"""

from dataclasses import dataclass, field

KUBERNETES = "v1.36.3"
ISTIO = "1.29.1"
PULUMI = "v3.200.0"
PULUMI_PYTHON = "v3.78.1"
HELM = "v3.22.0"
RCLONE = "v1.75.1"
VERSITYGW = "v1.8.0"
ETCD = "v3.7.3"
COREDNS = "v1.15.0"
LOCAL_PATH = "v0.0.30"

_KUBE_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True, kw_only=True)
class Family:
    """One Go module of tools.

    Attributes:
        name: its folder below ``embedded/tools``.
        packages: import path of each main package → name of the executable.
        variables: Go variable → value that the linker sets.
        files: files and folders copied out of a module of the build list: (module, path in it, target below
            ``.crossfade``).
        minutes: usual build time on two cores with empty caches.
    """

    name: str
    packages: dict[str, str] = field(default_factory=dict[str, str])
    variables: dict[str, str] = field(default_factory=dict[str, str])
    files: tuple[tuple[str, str, str], ...] = ()
    minutes: float = 1.0


_ISTIO_CHARTS = "manifests/charts"

FAMILIES: tuple[Family, ...] = (
    Family(name="pause", packages={".": "pause"}, minutes=0.1),
    Family(name="etcd", packages={"go.etcd.io/etcd/server/v3": "etcd"}, minutes=0.5),
    Family(
        name="kubernetes",
        packages={
            f"k8s.io/kubernetes/cmd/{name}": name
            for name in (
                "kubeadm",
                "kubelet",
                "kube-apiserver",
                "kube-controller-manager",
                "kube-proxy",
                "kube-scheduler",
            )
        },
        variables={
            f"{_KUBE_VERSION}.gitVersion": KUBERNETES,
            f"{_KUBE_VERSION}.gitMajor": KUBERNETES[1:].split(".")[0],
            f"{_KUBE_VERSION}.gitMinor": KUBERNETES[1:].split(".")[1],
            f"{_KUBE_VERSION}.gitTreeState": "clean",
        },
        minutes=4,
    ),
    Family(name="coredns", packages={"github.com/coredns/coredns": "coredns"}, minutes=1.5),
    Family(
        name="local-path-provisioner",
        packages={"github.com/rancher/local-path-provisioner": "local-path-provisioner"},
        variables={"main.VERSION": LOCAL_PATH},
        minutes=0.5,
    ),
    Family(
        name="pulumi",
        packages={"github.com/pulumi/pulumi/pkg/v3/cmd/pulumi": "pulumi"},
        variables={"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": PULUMI},
        minutes=1.5,
    ),
    Family(
        name="pulumi-python",
        packages={"github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python": "pulumi-language-python"},
        variables={"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": PULUMI_PYTHON},
        minutes=0.5,
    ),
    Family(
        name="pulumi-scripts",
        files=(
            (
                "github.com/pulumi/pulumi/sdk/v3",
                "python/cmd/pulumi-language-python-exec",
                "bin/pulumi-language-python-exec",
            ),
            (
                "github.com/pulumi/pulumi/sdk/v3",
                "python/dist/pulumi-resource-pulumi-python",
                "bin/pulumi-resource-pulumi-python",
            ),
        ),
        minutes=0.1,
    ),
    Family(
        name="helm",
        packages={"helm.sh/helm/v3/cmd/helm": "helm"},
        variables={"helm.sh/helm/v3/internal/version.version": HELM},
        minutes=1,
    ),
    Family(name="versitygw", packages={"github.com/versity/versitygw/cmd/versitygw": "versitygw"}, minutes=1),
    Family(
        name="rclone",
        packages={".": "rclone"},
        variables={"github.com/rclone/rclone/fs.Version": RCLONE},
        minutes=1,
    ),
    Family(
        name="istio",
        packages={
            "istio.io/istio/pilot/cmd/pilot-discovery": "pilot-discovery",
            "istio.io/istio/pilot/cmd/pilot-agent": "pilot-agent",
            "istio.io/istio/cni/cmd/istio-cni": "istio-cni",
            "istio.io/istio/cni/cmd/install-cni": "install-cni",
        },
        variables={"istio.io/istio/pkg/version.buildVersion": ISTIO},
        files=(
            ("istio.io/istio", f"{_ISTIO_CHARTS}/base", "charts/istio/base"),
            ("istio.io/istio", f"{_ISTIO_CHARTS}/istio-control/istio-discovery", "charts/istio/istiod"),
            ("istio.io/istio", f"{_ISTIO_CHARTS}/istio-cni", "charts/istio/cni"),
            ("istio.io/istio", f"{_ISTIO_CHARTS}/gateway", "charts/istio/gateway"),
            ("istio.io/istio", "tools/packaging/common/envoy_bootstrap.json", "build/envoy_bootstrap_tmpl.json"),
        ),
        minutes=3,
    ),
)
