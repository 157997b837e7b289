"""Kubernetes resource quantities."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from stacks.types.build import reject, show

_QUANTITY = re.compile(r"(\d+(\.\d*)?|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?", re.ASCII)
_SCALE = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def quantity_value(text: str) -> float:
    """Return a Kubernetes quantity as a number: cores for cpu, bytes for memory and storage.

    Raises ValueError when the text is no quantity (apimachinery's resource.Quantity grammar, without a sign).
    """
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(text)
    number, suffix = float(found[1]), found[3] or ""
    if suffix.endswith("i"):
        return number * 1024.0 ** ("KMGTPE".index(suffix[0]) + 1)
    return number * 10.0 ** (int(suffix[1:]) if suffix[:1] in "eE" and suffix[1:] else _SCALE[suffix])


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _quantity(value: str) -> str:
    why = "A quantity is a number with a unit: m for thousandths, Ki Mi Gi in powers of 1024, k M G in powers of 1000."
    try:
        amount = quantity_value(value)
    except ValueError:
        raise reject(
            f"{show(value)} is not a quantity.", why, "write for example `500m`, `2`, `512Mi` or `2Gi`."
        ) from None
    if amount <= 0:
        raise reject(f"{show(value)} is nothing.", why, "give an amount above zero, or leave the key out.")
    return value


Quantity = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_quantity)]
"""Kubernetes resource quantity as text; a bare YAML number is accepted and becomes text."""
