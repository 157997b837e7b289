"""Rules of names: derived names fit Kubernetes, no two objects collide, and no label is given that the program sets."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Final

from pydantic import TypeAdapter, ValidationError

from stacks.config.mesh import IstioMesh
from stacks.config.names import name_model, name_version
from stacks.config.problem import Problem
from stacks.config.rules.node import Node
from stacks.config.serving import Serving
from stacks.config.storage import InClusterStorage, StorageNames
from stacks.types import DNS_LABEL_MAX, ServiceName, show

_KINDS: Final = {
    "deployment": "Deployment",
    "config_map": "ConfigMap",
    "service": "Service",
    "destination_rule": "DestinationRule",
    "disruption_budget": "PodDisruptionBudget",
    "virtual_service": "VirtualService",
    "app": "label app",
}

_RESERVED: Final = ("app", "version", "app.kubernetes.io/", "pod-security.kubernetes.io/", "istio-injection")

_SERVICE: Final = TypeAdapter[str](ServiceName)


def check_names(root: Node) -> Iterator[Problem]:
    """Check names across all models, the store's Secrets, the namespaces and the labels."""
    yield from _collisions(root)
    yield from _secrets(root["storage"], root["serving"])
    yield from _namespaces(root)
    yield from _labels(root["serving"]["labels"])
    for model in root["models"].values():
        for version in model["versions"].values():
            yield from _labels(version["labels"])


def _collisions(root: Node) -> Iterator[Problem]:
    seen: dict[tuple[str, str], Node] = {}
    for key, model in root["models"].items():
        if not model.is_mapping:
            continue
        yield from _claim(seen, model, asdict(name_model(key, model["names"].texts())))
        for version_key, version in model["versions"].items():
            names = asdict(name_version(key, version_key, version["names"].texts()))
            derived = f"{key}-{version_key}"
            if _fits(key) and _fits(f"v{version_key}") and len(derived) > DNS_LABEL_MAX and derived in names.values():
                yield version.problem(
                    f"the derived name {derived} has {len(derived)} characters.",
                    f"Names of Services have at most {DNS_LABEL_MAX}.",
                    "shorten the model's or the version's name, or give the names under `names`.",
                )
            yield from _claim(seen, version, names)


def _fits(name: str) -> bool:
    try:
        _SERVICE.validate_python(name)
    except ValidationError:
        return False
    return True


def _claim(seen: dict[tuple[str, str], Node], owner: Node, names: dict[str, str]) -> Iterator[Problem]:
    for field, name in names.items():
        first = seen.setdefault((field, name), owner)
        if first is owner:
            continue
        yield owner.problem(
            f"its {_KINDS[field]} would be {show(name)}, as that of `{first.where}` is.",
            "The pods of one would get the requests of the other."
            if field == "app"
            else "One namespace holds one object of a kind and name; the second would overwrite the first.",
            f"rename one of them, or give another name under `{owner.where}.names`.",
        )


def _secrets(storage: Node, serving: Node) -> Iterator[Problem]:
    store, servers = _namespace(storage, InClusterStorage), _namespace(serving, Serving)
    defaults, seen = StorageNames(), dict[tuple[str | None, str], Node]()
    names = storage["names"]
    for key, default, namespace in (
        ("rootSecret", defaults.root_secret, store),
        ("writerSecret", defaults.writer_secret, store),
        ("readerSecret", defaults.reader_secret, servers),
    ):
        name = names[key].text() or default
        first = seen.setdefault((namespace, name), names[key])
        if first is not names[key] and first.path != names[key].path:
            yield names[key].problem(
                f"the name {show(name)} is that of `{first.where}` too.",
                "Each Secret holds another key; sharing one would hand out more rights than needed.",
                "give each a name of its own.",
            )


def _namespace(section: Node, model: type[Serving | InClusterStorage | IstioMesh]) -> str | None:
    given = section["namespace"]
    return given.text() if given.given else str(model.model_fields["namespace"].default)


def _namespaces(root: Node) -> Iterator[Problem]:
    seen: dict[str, Node] = {}
    for section, model in (("mesh", IstioMesh), ("storage", InClusterStorage), ("serving", Serving)):
        name = _namespace(root[section], model)
        place = root[section]["namespace"]
        if name is None:
            continue
        first = seen.setdefault(name, place)
        if first is not place:
            yield place.problem(
                f"namespace {show(name)} is that of `{first.where}` too.",
                "Each has its own pod security, injection and rights; the model servers must not share them.",
                "give it a namespace of its own.",
            )


def _labels(labels: Node) -> Iterator[Problem]:
    for key in _reserved(labels.keys()):
        yield labels[key].problem(
            f"the label {show(key)} is set by the program.",
            "Services, routes and reports find pods by it.",
            "use another key; `names` changes the value of `app`.",
        )


def _reserved(keys: Iterable[str]) -> list[str]:
    return [key for key in keys if any(key == name or (name[-1] == "/" and key.startswith(name)) for name in _RESERVED)]
