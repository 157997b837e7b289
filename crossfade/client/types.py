"""What both clients share: the answer, the defaults, and checking an address."""

import re
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from crossfade.errors import InputError

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""gRPC's Python client takes 4 MB by default; a batch of pictures is more."""
DEADLINE_SECONDS = 10.0
VERSION_HEADER = "x-crossfade-version"
"""Set on every routed answer: the version's key in the stack file, like `v1`."""
DEFAULT_SIGNATURE = "serving_default"


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One answer of a model server."""

    outputs: dict[str, npt.NDArray[Any]]
    """By output name, each with the batch as first dimension. Over REST, numbers are float64 or int64."""
    model: str
    version: int | None
    """The servable's version as the server tells it. REST answers do not carry it: None."""
    signature: str
    route: str | None
    """The version's key in the stack file, from the header `x-crossfade-version`; None without the gateway."""
    seconds: float
    """From the call to its answer, as the caller sees it."""


def address(text: str) -> str:
    """`HOST:PORT`, checked. Raises InputError with what is wrong."""
    found = re.fullmatch(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>\d{1,5})", text)
    if not found or not 0 < int(found["port"]) < 65536:
        raise InputError(f"{text!r} is not a server's address. Write HOST:PORT, like 10.89.0.2:31400.")
    return text
