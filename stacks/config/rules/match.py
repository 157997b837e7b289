"""Rules of header matches: each compares in one way, none is unreachable, and expressions are ones Envoy can read."""

import re
import warnings
from collections.abc import Iterator
from typing import Final

from stacks.config.problem import Problem
from stacks.config.rules.node import Node
from stacks.types import show

_WAYS: Final = ("exact", "prefix", "regex")

_UNSUPPORTED: Final = {
    "(?=": "a lookahead",
    "(?!": "a negative lookahead",
    "(?<=": "a lookbehind",
    "(?<!": "a negative lookbehind",
    "(?>": "an atomic group",
    "(?(": "a condition",
    "(?P=": "a backreference",
    "(?#": "a comment",
}
"""What Python's expressions know and RE2's do not (RE2's syntax page lists them as not supported)."""


def check_matches(root: Node) -> Iterator[Problem]:
    """Check every header match of every model."""
    for model in root["models"].values():
        seen: dict[str, Node] = {}
        for rule in model["traffic"]["match"].entries():
            for match in rule["headers"].values():
                yield from _way(match)
                yield from _expression(match["regex"])
            yield from _unreachable(rule, seen)


def _way(match: Node) -> Iterator[Problem]:
    given = [way for way in _WAYS if match[way].given]
    if len(given) == 1 or not match.is_mapping or set(match.keys()) - set(_WAYS):
        return
    yield match.problem(
        f"{' and '.join(f'`{way}`' for way in given)} are given." if given else "no way to compare is given.",
        "A header is compared in exactly one way.",
        "keep one of `exact`, `prefix` and `regex`.",
    )


def _unreachable(rule: Node, seen: dict[str, Node]) -> Iterator[Problem]:
    headers = sorted((name, sorted(match.texts().items(), key=str)) for name, match in rule["headers"].items())
    if not headers:
        return
    first = seen.setdefault(str(headers), rule)
    if first is not rule:
        yield rule.problem(
            f"the same headers are matched by `{first.where}` before.",
            "The first rule that fits holds, so this one is never reached.",
            "remove one of the two.",
        )


def _expression(regex: Node) -> Iterator[Problem]:
    pattern = regex.text()
    if pattern is None:
        return
    why = "Envoy reads expressions with RE2, and `crossfade` explains them with Python; both must understand it."
    found = unsupported(pattern)
    if found is not None:
        yield regex.problem(f"{show(pattern)} uses {found}.", why, "write it without, for example with `|` or a list.")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern, re.ASCII)
    except (re.error, Warning, RecursionError, OverflowError) as error:
        yield regex.problem(
            f"{show(pattern)} is not an expression: {error}.", why, "correct it; it must fit the whole value."
        )


def unsupported(pattern: str) -> str | None:
    """Name what an expression uses that RE2 cannot do; None when there is nothing of the kind."""
    position, in_class = 0, False
    while position < len(pattern):
        rest = pattern[position:]
        if rest[0] == "\\":
            if rest[1:2].isdecimal() and rest[1] != "0":
                return "a backreference"
            if rest[1:2] == "Z":
                return r"`\Z`, which RE2 writes `\z`"
            position += 2
            continue
        if in_class:
            in_class = rest[0] != "]"
        elif rest[0] == "[":
            in_class = True
            # A `]` right after the opening is an ordinary character.
            position += 2 if rest[1:2] == "]" else 3 if rest[1:3] == "^]" else 1
            continue
        elif name := next((name for start, name in _UNSUPPORTED.items() if rest.startswith(start)), None):
            return name
        elif rest[0] in "*+?}" and rest[1:2] == "+":
            return "a possessive repeat"
        position += 1
    return None
