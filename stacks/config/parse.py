"""From the mappings of a stack file to a StackConfig, or to one error that tells every mistake.

Reads nothing: `stacks.load` gets the mappings from Pulumi.
"""

import difflib
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stacks.config.problem import Path, Problem, StackFileError, show_path
from stacks.config.rules import find_problems
from stacks.config.rules.node import Node
from stacks.config.schema import allowed_keys
from stacks.config.stack import StackConfig
from stacks.types import PROBLEM, show

_SHAPES: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "tuple_type": "a list",
}

_EXAMPLES: Final = {
    "cluster": "add `crossfade:cluster: {kind: existing}`.",
    "storage": "add `crossfade:storage: {kind: inCluster, bucket: ml-models}`.",
    "mesh": "add `crossfade:mesh: {kind: istio, version: 1.29.1}`.",
}


def parse_stack(sections: Mapping[str, object]) -> StackConfig:
    """Read a stack file's sections, by their names without `crossfade:`.

    Raises StackFileError with every mistake: of shape, of single values, and between values.
    """
    given = {key: value for key, value in sections.items() if value is not None}
    problems = find_problems(given)
    config: StackConfig | None = None
    try:
        config = StackConfig.model_validate(given, by_alias=True, by_name=False)
    except ValidationError as error:
        problems += [_problem(detail, given) for detail in error.errors(include_url=False) if _own(detail)]
    if config is None or problems:
        raise StackFileError(problems)
    return config


def _own(detail: ErrorDetails) -> bool:
    """Tell whether an error says something that no other does."""
    if not detail["loc"]:
        return False  # the rules' own report, made of problems found already
    # A list whose entries are wrong counts as too short as well.
    return detail["type"] != "too_short" or not detail["input"]


def _problem(detail: ErrorDetails, sections: Mapping[str, object]) -> Problem:
    path, value, kind = _path(detail, sections), detail["input"], detail["type"]
    context = detail.get("ctx", {})
    if kind == PROBLEM:
        return Problem(path=path, what=context["what"], why=context["why"], fix=context["fix"])
    if kind == "missing":
        return _missing(path)
    if kind == "extra_forbidden":
        return _unknown(path)
    if kind == "literal_error":
        return _choice(path, value, context["expected"])
    if kind in ("too_short", "string_too_short"):
        need = "one entry" if kind == "too_short" else "one character"
        return Problem(path=path, what="it is empty.", why=_meaning(path), fix=f"give at least {need}.")
    shape = _SHAPES.get(kind)
    if shape is not None:
        return _shape(path, value, shape)
    return Problem(path=path, what=f"{show(value)}: {detail['msg']}.", why=_meaning(path), fix="correct the value.")


def _path(detail: ErrorDetails, sections: Mapping[str, object]) -> Path:
    """Return an error's path without pydantic's own marks: `[key]`, and the kind where a section has several."""
    path: Path = ()
    node = Node(sections)
    for part in detail["loc"]:
        if part == "[key]" or (part == node["kind"].value and not node[part].given):
            continue
        path, node = (*path, part), node[part]
    return path


def _meaning(path: Path) -> str:
    """Return the description of a key, or of the mapping or list it is an entry of."""
    for length in range(len(path), 0, -1):
        text = allowed_keys(StackConfig, path[: length - 1]).get(str(path[length - 1]))
        if text:
            return text
    return "The stack file has sections with fixed keys; docs/stack-file.md lists them."


def _missing(path: Path) -> Problem:
    where = show_path(path[:-1])
    return Problem(
        path=path,
        what=f"the {'section' if len(path) == 1 else 'key'} is missing.",
        why=_meaning(path),
        fix=_EXAMPLES.get(".".join(map(str, path)), f"add `{path[-1]}` under `{where}`."),
    )


def _unknown(path: Path) -> Problem:
    allowed, key = list(allowed_keys(StackConfig, path[:-1])), str(path[-1])
    plain = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(key.replace("_", "").replace("-", "").lower(), plain, n=1)
    hint = f"; did you mean `{plain[near[0]]}`?" if near else "."
    return Problem(
        path=path,
        what=f"unknown key `{key}`{hint}",
        why="A key that nothing reads would be a setting that silently does nothing.",
        fix=f"rename or remove it. Keys here: {', '.join(allowed)}.",
    )


def _choice(path: Path, value: object, expected: str) -> Problem:
    choices = [choice.strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
    near = difflib.get_close_matches(str(value).lower(), [choice.lower() for choice in choices], n=1)
    hint = next((choice for choice in choices if near and choice.lower() == near[0]), choices[0])
    listed = ", ".join(f"`{name}`" for name in choices)
    kind = path[1:] == ("kind",)
    what = f"{show(value)} is not {'one of ' if len(choices) > 1 else ''}{listed}."
    return Problem(
        path=path,
        what=f"there is no {path[0]} of kind {show(value)}." if kind else what,
        why=f"This release knows {listed}." if kind else _meaning(path),
        fix=f"write `{hint}`." if near or len(choices) == 1 else f"write one of {', '.join(choices)}.",
    )


def _shape(path: Path, value: object, shape: str) -> Problem:
    given = "a mapping" if isinstance(value, Mapping) else "a list" if isinstance(value, list) else show(value)
    fix = f"write {shape}."
    if shape == "text" and isinstance(value, int | float):
        fix = f'put it in quotes: "{str(value).lower() if isinstance(value, bool) else value}".'
    elif isinstance(value, str) and shape in ("a mapping", "a list"):
        fix = f"write {shape}; with `pulumi config set`, use `--path` and set one key at a time."
    return Problem(path=path, what=f"{given} is not {shape}.", why=_meaning(path), fix=fix)
