"""Mistakes in a stack file, and the one report that tells all of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

PathPart: TypeAlias = str | int
Path: TypeAlias = tuple[PathPart, ...]
"""Keys and list positions from the section down: ("models", "mnist", "traffic", "match", 0)."""

_PLAIN: Final = re.compile(r"[\w<>/-]+", re.ASCII)


def show_path(path: Path) -> str:
    """Write a path as Pulumi does: `crossfade:models.mnist.traffic.match[0].version`."""
    if not path:
        return "crossfade"
    text = f"crossfade:{path[0]}"
    for part in path[1:]:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if _PLAIN.fullmatch(part) else f'["{part}"]'
    return text


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake: where it is, what is wrong, why that is refused, and how to mend it."""

    path: Path
    what: str
    why: str
    fix: str

    @property
    def where(self) -> str:
        """The path in the stack file, as Pulumi writes it."""
        return show_path(self.path)

    def __str__(self) -> str:
        return f"{self.where}\n  {self.what}\n  Why: {self.why}\n  Fix: {self.fix}"


class StackFileError(Exception):
    """A stack file with mistakes. Its text is the full report, every mistake once, sorted by path."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Take the mistakes in any order; there is at least one."""
        unique = dict.fromkeys(problems)
        self.problems: tuple[Problem, ...] = tuple(sorted(unique, key=lambda problem: (problem.where, problem.what)))
        count = "1 mistake" if len(self.problems) == 1 else f"{len(self.problems)} mistakes"
        super().__init__("\n\n".join([f"The stack file has {count}. Nothing was changed.", *map(str, self.problems)]))
