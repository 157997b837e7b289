"""The whole stack file as one value."""

from typing import Self

from pydantic import Field, model_validator

from stacks.config.base import Section
from stacks.config.cluster import ClusterConfig
from stacks.config.mesh import MeshConfig
from stacks.config.models import Model
from stacks.config.problem import StackFileError
from stacks.config.rules import find_problems
from stacks.config.serving import Serving
from stacks.config.storage import StorageConfig
from stacks.types import ServiceName


class StackConfig(Section):
    """What an environment is. Holds no secret: a kubeconfig's content travels beside it (see `stacks.load`).

    Rules between values hold for every StackConfig there is, however it was made. `stacks.config.parse.parse_stack`
    reads one from a stack file and reports all mistakes at once.
    """

    cluster: ClusterConfig
    """Where the program deploys to."""
    storage: StorageConfig
    """The bucket that holds the models."""
    mesh: MeshConfig
    """The service mesh and its gateway."""
    serving: Serving = Serving()
    """What all model servers share."""
    models: dict[ServiceName, Model] = Field(default_factory=dict[str, Model])
    """The models, by name. None is fine: the platform alone comes up."""

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        problems = find_problems(self.model_dump(by_alias=True))
        if problems:
            raise ValueError(str(StackFileError(problems)))
        return self
