"""Names of everything made for a model: the ones given in the stack file, else those derived from model and version.

Components and checks both take names from here, so that what is checked is what is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stacks.config.models import Model


@dataclass(frozen=True, kw_only=True)
class ResolvedVersionNames:
    """Names of one version's objects."""

    deployment: str
    config_map: str
    service: str
    destination_rule: str
    disruption_budget: str


@dataclass(frozen=True, kw_only=True)
class ResolvedModelNames:
    """Names of one model's objects, and the value of its pods' label `app`."""

    service: str
    virtual_service: str
    app: str


def name_version(model: str, version: str, given: Mapping[str, str | None]) -> ResolvedVersionNames:
    """Name a version's objects. `given` is the section `names` of the version, by the stack file's camelCase keys."""
    base = f"{model}-{version}"
    return ResolvedVersionNames(
        deployment=given.get("deployment") or base,
        config_map=given.get("configMap") or f"{base}-config",
        service=given.get("service") or base,
        destination_rule=given.get("destinationRule") or base,
        disruption_budget=given.get("disruptionBudget") or base,
    )


def name_model(model: str, given: Mapping[str, str | None]) -> ResolvedModelNames:
    """Name a model's objects. `given` is the section `names` of the model, by the stack file's camelCase keys."""
    return ResolvedModelNames(
        service=given.get("service") or model,
        virtual_service=given.get("virtualService") or model,
        app=given.get("app") or model,
    )


def version_names(model: str, version: str, config: Model) -> ResolvedVersionNames:
    """Name the objects of one of a model's versions."""
    return name_version(model, version, config.versions[version].names.model_dump(by_alias=True))


def model_names(model: str, config: Model) -> ResolvedModelNames:
    """Name the objects of a model."""
    return name_model(model, config.names.model_dump(by_alias=True))


def servable_name(model: str, config: Model) -> str:
    """Return the name under which TensorFlow Serving knows the model."""
    return config.servable or model
