"""The stack file's model, section by section. See docs/stack-file.md for every key.

Shape and single values are checked here; rules between values are in `stacks.config.rules`, and reading is in
`stacks.load`.
"""

from stacks.config.base import Amounts, Resources, Section
from stacks.config.cluster import ClusterConfig, ExistingCluster
from stacks.config.mesh import (
    GatewayConfig,
    IstioCni,
    IstioMesh,
    IstioValues,
    MeshConfig,
    NodePorts,
)
from stacks.config.models import DisruptionBudget, Model, ModelNames, Version, VersionNames
from stacks.config.names import (
    ResolvedModelNames,
    ResolvedVersionNames,
    model_names,
    name_model,
    name_version,
    servable_name,
    version_names,
)
from stacks.config.serving import Batching, Serving
from stacks.config.stack import StackConfig
from stacks.config.storage import (
    InClusterStorage,
    SecretKeys,
    StorageConfig,
    StorageNames,
    StorageVolume,
)
from stacks.config.traffic import Canary, HeaderMatch, MatchRule, Mirror, Traffic
from stacks.config.uri import ModelUri, parse_uri, servable_version

__all__ = [
    "Amounts",
    "Batching",
    "Canary",
    "ClusterConfig",
    "DisruptionBudget",
    "ExistingCluster",
    "GatewayConfig",
    "HeaderMatch",
    "InClusterStorage",
    "IstioCni",
    "IstioMesh",
    "IstioValues",
    "MatchRule",
    "MeshConfig",
    "Mirror",
    "Model",
    "ModelNames",
    "ModelUri",
    "NodePorts",
    "ResolvedModelNames",
    "ResolvedVersionNames",
    "Resources",
    "SecretKeys",
    "Section",
    "Serving",
    "StackConfig",
    "StorageConfig",
    "StorageNames",
    "StorageVolume",
    "Traffic",
    "Version",
    "VersionNames",
    "model_names",
    "name_model",
    "name_version",
    "parse_uri",
    "servable_name",
    "servable_version",
    "version_names",
]
