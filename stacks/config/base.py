"""What every section of the stack file shares: camelCase keys, no unknown keys, no change after reading."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from stacks.types import Quantity


class Section(BaseModel):
    """A mapping in the stack file. Keys are camelCase in YAML and snake_case in Python.

    Values are taken as they are: text is not read as a number, nor a number as text. Docstrings of the fields are the
    descriptions in docs/stack-file.md.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


class Amounts(Section):
    """An amount of each resource."""

    cpu: Quantity | None = None
    """Cores: `2`, or thousandths as `500m`."""
    memory: Quantity | None = None
    """Bytes, for example `512Mi`."""


class Resources(Section):
    """What a container asks for and may use at most."""

    requests: Amounts = Amounts()
    """What the scheduler sets aside."""
    limits: Amounts = Amounts()
    """What the container may not exceed."""
