"""What a stack exports: where requests go in, where models are published, and what runs. No secret, only their names.

The command line reads these with `pulumi stack output --json`, so keys and types are an interface.
"""

from dataclasses import asdict, dataclass

from pydantic.alias_generators import to_camel

from components.routing.split import plan_split
from stacks.config import Model, StackConfig, model_names, servable_name, servable_version, version_names


@dataclass(frozen=True, kw_only=True)
class GatewayOutput:
    """The gateway's Service; node ports are those asked for, None where Kubernetes picks them."""

    namespace: str
    service: str
    service_type: str
    http_port: int | None
    grpc_port: int | None
    node_ports: dict[str, int | None]


@dataclass(frozen=True, kw_only=True)
class StorageOutput:
    """The model store. Secrets are named, with the keys inside them; their content is not here."""

    kind: str
    bucket: str
    region: str
    namespace: str
    service: str
    port: int
    writer_secret: str
    reader_secret: str
    secret_keys: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class VersionOutput:
    """One version: where it lies, its number in TensorFlow Serving, and its objects."""

    uri: str
    servable_version: int
    replicas: int
    deployment: str
    service: str


@dataclass(frozen=True, kw_only=True)
class ModelOutput:
    """One model. `traffic` gives each declared version's share in whole per cents."""

    servable: str
    hosts: list[str]
    service: str
    virtual_service: str
    versions: dict[str, VersionOutput]
    traffic: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ServingOutput:
    """Where the model servers run."""

    namespace: str


@dataclass(frozen=True, kw_only=True)
class StackOutputs:
    """Everything a stack exports, one field an output."""

    gateway: GatewayOutput
    storage: StorageOutput
    serving: ServingOutput
    models: dict[str, ModelOutput]


def plan_outputs(config: StackConfig) -> StackOutputs:
    """Work out what a stack exports."""
    mesh, storage, gateway = config.mesh, config.storage, config.mesh.gateway
    return StackOutputs(
        gateway=GatewayOutput(
            namespace=mesh.gateway_namespace,
            service=gateway.service,
            service_type=gateway.service_type,
            http_port=gateway.http,
            grpc_port=gateway.grpc,
            node_ports={"http": gateway.node_ports.http, "grpc": gateway.node_ports.grpc},
        ),
        storage=StorageOutput(
            kind=storage.kind,
            bucket=storage.bucket,
            region=storage.region,
            namespace=storage.namespace,
            service=storage.names.server,
            port=storage.port,
            writer_secret=storage.names.writer_secret,
            reader_secret=storage.names.reader_secret,
            secret_keys={
                "accessKeyId": storage.secret_keys.access_key_id,
                "secretAccessKey": storage.secret_keys.secret_access_key,
            },
        ),
        serving=ServingOutput(namespace=config.serving.namespace),
        models={name: _model(name, model) for name, model in config.models.items()},
    )


def _model(name: str, model: Model) -> ModelOutput:
    names = model_names(name, model)
    versions: dict[str, VersionOutput] = {}
    for key, version in model.versions.items():
        objects = version_names(name, key, model)
        versions[key] = VersionOutput(
            uri=version.uri,
            servable_version=servable_version(version),
            replicas=version.replicas,
            deployment=objects.deployment,
            service=objects.service,
        )
    return ModelOutput(
        servable=servable_name(name, model),
        hosts=list(model.hosts),
        service=names.service,
        virtual_service=names.virtual_service,
        versions=versions,
        traffic=plan_split(model.traffic, model.versions).weights,
    )


def as_exports(outputs: StackOutputs) -> dict[str, object]:
    """Return the outputs as plain values by name, keys in camelCase; names of models and versions stay as they are."""
    return {
        "gateway": _camel(asdict(outputs.gateway)),
        "storage": _camel(asdict(outputs.storage)),
        "serving": _camel(asdict(outputs.serving)),
        "models": {
            name: {
                **_camel(asdict(model)),
                "versions": {key: _camel(asdict(version)) for key, version in model.versions.items()},
            }
            for name, model in outputs.models.items()
        },
    }


def _camel(fields: dict[str, object]) -> dict[str, object]:
    return {to_camel(key): value for key, value in fields.items()}
