"""Pulumi property values: between protobuf structs and Python, with secrets and unknowns kept.

Does not know Kubernetes. A value is None, bool, int, float, str, list, dict, `Secret`, `Asset` or `UNKNOWN`.
Signatures are those of the Pulumi SDK (`pulumi.runtime.rpc`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from google.protobuf import struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a protocol constant
ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17"
RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_STRINGS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # bool and string, as sent
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
Value: TypeAlias = Any
"""A property value; what it can be is said above."""
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """A value that only the update itself will know."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must not be shown. `repr` hides it, so that a stray log line cannot leak it."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


@dataclass(frozen=True)
class Asset:
    """A file or a text that the program passed by value."""

    text: str | None
    path: str | None

    def read(self) -> str:
        """Return the text. Raises OSError where the file cannot be read."""
        return self.text if self.text is not None else Path(self.path or "").read_text(encoding="utf-8")


def unmarshal(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Return the struct's properties as Python values. Whole floats become ints: Kubernetes wants integers."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> Value:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWN_STRINGS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _from_struct(value.struct_value)
    return None


def _from_struct(struct: struct_pb2.Struct) -> Value:
    plain_fields = unmarshal(struct)
    signature = plain_fields.get(SIGNATURE)
    if signature == SECRET_SIGNATURE:
        inner = plain_fields.get("value")
        return inner if isinstance(inner, Secret) else Secret(inner)
    if signature == ASSET_SIGNATURE:
        return Asset(plain_fields.get("text"), plain_fields.get("path"))
    if signature == OUTPUT_SIGNATURE:
        inner = plain_fields.get("value", UNKNOWN)
        return Secret(inner) if plain_fields.get("secret") else inner
    if signature == RESOURCE_SIGNATURE:
        return plain_fields.get("id", plain_fields.get("urn"))
    return plain_fields


def marshal(values: dict[str, Any], *, keep_secrets: bool = True) -> struct_pb2.Struct:
    """Return the properties as a struct. Without `keep_secrets` (an engine that cannot) secrets go as plain values."""
    struct = struct_pb2.Struct()
    for key, value in values.items():
        struct.fields[key].CopyFrom(_to_value(value, keep_secrets))
    return struct


def _to_value(value: Value, keep_secrets: bool) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, Unknown):
        return struct_pb2.Value(string_value=UNKNOWN_STRING)
    if isinstance(value, Secret):
        if not keep_secrets:
            return _to_value(value.value, keep_secrets)
        return _to_value({SIGNATURE: SECRET_SIGNATURE, "value": value.value}, keep_secrets)
    if isinstance(value, Asset):
        content = {"text": value.text} if value.text is not None else {"path": value.path}
        return _to_value({SIGNATURE: ASSET_SIGNATURE, **content}, keep_secrets)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_to_value(v, keep_secrets) for v in value]))
    if isinstance(value, dict):
        return struct_pb2.Value(struct_value=marshal(value, keep_secrets=keep_secrets))
    raise TypeError(f"no Pulumi value for {type(value).__name__}")


def plain(value: Value) -> Value:
    """Return a deep copy without secret markers. Unknowns stay."""
    return _map(value, lambda secret: plain(secret.value))


def _map(value: Value, on_secret: Callable[[Secret], Value]) -> Value:
    if isinstance(value, Secret):
        return on_secret(value)
    if isinstance(value, dict):
        return {key: _map(item, on_secret) for key, item in value.items()}
    if isinstance(value, list):
        return [_map(item, on_secret) for item in value]
    return value


def has_unknown(value: Value) -> bool:
    """Say whether an unknown is anywhere inside."""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return isinstance(value, Unknown)


def has_secret(value: Value) -> bool:
    """Say whether a secret is anywhere inside."""
    if isinstance(value, dict):
        return any(has_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(has_secret(item) for item in value)
    return isinstance(value, Secret)
