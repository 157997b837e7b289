"""The stack file's keys, read off the pydantic models: for the reference in docs/ and for hints about unknown keys."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stacks.config.problem import Path

_PLACEHOLDERS: Final = {"models": "<model>", "versions": "<version>", "headers": "<header>"}


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of the stack file. `path` is as in the file, with `<model>` and `[]` where names and positions stand."""

    path: str
    type: str
    required: bool
    default: object
    description: str


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[Key]:
    """Yield every key below a section, parents before children, in the order of the models."""
    for field in model.model_fields.values():
        path = prefix + (field.alias or "")
        children, suffix = _child(field.annotation), _suffix(field)
        yield Key(
            path=path,
            type=_type(field.annotation),
            required=field.is_required(),
            default=field.get_default(call_default_factory=True, validated_data={}),
            description=(field.description or "").replace("\n", " "),
        )
        for child in children:
            yield from keys_of(child, f"{path}{suffix}.")


def sections_at(model: type[BaseModel], path: Path) -> list[type[BaseModel]]:
    """Return the sections that may stand at a path of the stack file: one for each kind; none where values stand."""
    here: list[type[BaseModel]] = [model]
    inside: object = None  # the annotation of a mapping or list whose entry the next part of the path is
    for part in path:
        if inside is not None:
            here, inside = _child(inside), None
            continue
        fields = [field for section in here for field in section.model_fields.values() if field.alias == part]
        if not fields:
            return []
        annotation = fields[0].annotation
        if _container(annotation) is None:
            here = _child(annotation)
        else:
            inside = annotation
    return here if inside is None else []


def allowed_keys(model: type[BaseModel], path: Path) -> dict[str, str]:
    """Return the keys that may stand in the section at a path, with their descriptions."""
    return {
        field.alias or "": (field.description or "").replace("\n", " ")
        for section in sections_at(model, path)
        for field in section.model_fields.values()
    }


def _bare(annotation: object) -> list[object]:
    """Return the alternatives of an annotation without None and without metadata."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [bare for part in get_args(annotation) if part is not NoneType for bare in _bare(part)]
    return [annotation]


def _container(annotation: object) -> Literal["mapping", "list"] | None:
    origin = get_origin(_bare(annotation)[0])
    return "mapping" if origin is dict else "list" if origin is tuple else None


def _child(annotation: object) -> list[type[BaseModel]]:
    """Return the sections inside an annotation: itself, the entries of a list, or the values of a mapping."""
    found: list[type[BaseModel]] = []
    for bare in _bare(annotation):
        arguments = get_args(bare)
        if get_origin(bare) is dict:
            found += _child(arguments[1])
        elif get_origin(bare) is tuple:
            found += _child(arguments[0])
        elif isinstance(bare, type) and issubclass(bare, BaseModel):
            found.append(bare)
    return found


def _suffix(field: FieldInfo) -> str:
    container = _container(field.annotation)
    if container == "list":
        return "[]"
    return f".{_PLACEHOLDERS.get(field.alias or '', '<name>')}" if container == "mapping" else ""


def _type(annotation: object) -> str:
    words: dict[object, str] = {str: "text", int: "whole number", bool: "true or false", Any: "anything"}
    texts: list[str] = []
    for bare in _bare(annotation):
        origin, arguments = get_origin(bare), get_args(bare)
        if origin is Literal:
            texts += [f"`{value}`" for value in cast("tuple[str, ...]", arguments)]
        elif origin is dict:
            texts.append(f"mapping of {_type(arguments[1])}")
        elif origin is tuple:
            texts.append(f"list of {_type(arguments[0])}")
        else:
            texts.append(words.get(bare, "section"))
    return " or ".join(texts)


def as_written(value: object) -> object:
    """Return a default as it would stand in the stack file: sections as mappings of the keys they set."""
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, exclude_defaults=True)
    if isinstance(value, Mapping):
        return {key: as_written(entry) for key, entry in cast("Mapping[str, object]", value).items()}
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value
