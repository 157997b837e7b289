"""THE composition: what an environment is made of, one call a stage, each given what the stages before it made."""

import os
from pathlib import Path

import pulumi

from components.cluster.existing import ClusterHandle, ExistingCluster, ExistingClusterArgs
from components.cluster.kubeconfig import Access, candidates, parse_access, read_access
from components.cluster.reach import require_reachable
from components.mesh.gateway import Gateway, GatewayArgs, GatewayHandle
from components.mesh.istio import Istio, IstioArgs, MeshHandle
from components.mesh.rules import Rules, RulesArgs
from components.routing.routes import Routes, RoutesArgs
from components.serving.namespace import ServingNamespace, ServingNamespaceArgs
from components.serving.server import ModelServer, ModelServerArgs
from components.storage.access import StoreAccess, StoreAccessArgs
from components.storage.in_cluster import InClusterStore, InClusterStoreArgs
from components.storage.store import ModelSource, ModelStore
from stacks.config import StackConfig
from stacks.kubeconfig import KUBECONFIG_KEY
from stacks.load import NAMESPACE
from stacks.outputs import StackOutputs, plan_outputs

Resources = tuple[pulumi.Resource, ...]


def connect(config: StackConfig) -> Access:
    """Find the cluster and make sure that it answers, before anything is changed.

    Raises KubeconfigError, which Pulumi shows as one message without a traceback.
    """
    content = pulumi.Config(NAMESPACE).get(KUBECONFIG_KEY)
    if content is not None:
        access = parse_access(content, config.cluster.context)
    else:
        access = read_access(candidates(config.cluster.kubeconfig, os.environ, Path.home()), config.cluster.context)
    require_reachable(access)
    return access


def deploy(config: StackConfig, access: Access) -> StackOutputs:
    """Place the whole environment, and return what it exports."""
    cluster = ExistingCluster("cluster", ExistingClusterArgs(access=access)).handle
    store = _store(config, cluster)
    mesh = Istio("mesh", IstioArgs(config=config.mesh), cluster.options()).handle
    gateway = Gateway("gateway", GatewayArgs(config=config.mesh.gateway, mesh=mesh), cluster.options()).handle
    namespace = ServingNamespace("serving", ServingNamespaceArgs(config=config.serving), cluster.options()).ready
    rules = _rules(config, cluster, mesh, store, namespace)
    source, key = _access(config, cluster, store, namespace)
    ground = (*mesh.ready, *store.ready, *rules, key)
    for model in config.models:
        servers = _servers(model, config, cluster, source, namespace, ground)
        _routes(model, config, cluster, gateway, namespace, (*rules, *servers))
    return plan_outputs(config)


def _store(config: StackConfig, cluster: ClusterHandle) -> ModelStore:
    args = InClusterStoreArgs(config=config.storage, readers=(config.serving.namespace,))
    return InClusterStore("store", args, cluster.options()).store


def _rules(
    config: StackConfig, cluster: ClusterHandle, mesh: MeshHandle, store: ModelStore, after: Resources
) -> Resources:
    args = RulesArgs(config=config.mesh, mesh=mesh, store=store, namespace=config.serving.namespace, after=after)
    return Rules("serving", args, cluster.options()).ready


def _access(
    config: StackConfig, cluster: ClusterHandle, store: ModelStore, after: Resources
) -> tuple[ModelSource, pulumi.Resource]:
    args = StoreAccessArgs(store=store, namespace=config.serving.namespace, after=after)
    access = StoreAccess("store-access", args, cluster.options())
    return access.source, access.secret


def _servers(
    model: str,
    config: StackConfig,
    cluster: ClusterHandle,
    source: ModelSource,
    namespace: Resources,
    ground: Resources,
) -> Resources:
    ready: list[pulumi.Resource] = []
    for version in config.models[model].versions:
        args = ModelServerArgs(
            model=model,
            version=version,
            config=config.models[model],
            serving=config.serving,
            source=source,
            namespace=namespace,
            ground=ground,
        )
        ready += ModelServer(f"{model}-{version}", args, cluster.options()).ready
    return tuple(ready)


def _routes(
    model: str,
    config: StackConfig,
    cluster: ClusterHandle,
    gateway: GatewayHandle,
    after: Resources,
    versions: Resources,
) -> None:
    args = RoutesArgs(
        model=model,
        config=config.models[model],
        serving=config.serving,
        listeners=config.mesh.gateway,
        gateway=gateway,
        after=after,
        versions=versions,
    )
    Routes(model, args, cluster.options())
