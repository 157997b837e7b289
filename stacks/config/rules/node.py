"""A view of a stack file that may be wrong anywhere: a question it cannot answer gives None, never an error.

So a rule can look at the parts that are well formed, and all mistakes are found at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from stacks.config.problem import Path, PathPart, Problem, show_path


def _is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(value, Mapping)


def _is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, list | tuple)


@dataclass(frozen=True)
class Node:
    """A value of the stack file and its path."""

    value: object
    path: Path = ()

    def __getitem__(self, key: PathPart) -> "Node":
        """Return the value under a key or at a position; one that is not there holds None."""
        found = None
        if isinstance(key, str) and (mapping := self._mapping()) is not None:
            found = mapping.get(key)
        elif isinstance(key, int) and 0 <= key < len(sequence := self._sequence()):
            found = sequence[key]
        return Node(found, (*self.path, key))

    def _mapping(self) -> Mapping[object, object] | None:
        return self.value if _is_mapping(self.value) else None

    def _sequence(self) -> Sequence[object]:
        return self.value if _is_sequence(self.value) else ()

    @property
    def where(self) -> str:
        """The path as Pulumi writes it."""
        return show_path(self.path)

    @property
    def given(self) -> bool:
        """Whether the key is there and not null."""
        return self.value is not None

    def nulls(self, key: str) -> bool:
        """Whether a key of this mapping is there and null: something with a default is switched off."""
        return key in (self._mapping() or ()) and not self[key].given

    def text(self) -> str | None:
        """Return the value if it is text."""
        return self.value if isinstance(self.value, str) else None

    def number(self, default: int | None = None) -> int | None:
        """Return a whole number, the default if the key is not there, None if the value is anything else."""
        if self.value is None:
            return default
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else None

    def flag(self, default: bool) -> bool:
        """Return the value if it is a boolean, else the default."""
        return self.value if isinstance(self.value, bool) else default

    @property
    def is_mapping(self) -> bool:
        """Whether the value is a mapping, empty or not."""
        return self._mapping() is not None

    def keys(self) -> list[str]:
        """Return the keys of a mapping, in the order written; none for anything else."""
        return [key for key in self._mapping() or () if isinstance(key, str)]

    def items(self) -> list[tuple[str, "Node"]]:
        """Return the entries of a mapping, in the order written; none for anything else."""
        return [(key, self[key]) for key in self.keys()]

    def values(self) -> list["Node"]:
        """Return the values of a mapping, in the order written; none for anything else."""
        return [self[key] for key in self.keys()]

    def entries(self) -> list["Node"]:
        """Return the entries of a list; none for anything else."""
        return [self[position] for position in range(len(self._sequence()))]

    def texts(self) -> dict[str, str | None]:
        """Return the entries of a mapping that are text."""
        return {key: node.text() for key, node in self.items()}

    def problem(self, what: str, why: str, fix: str) -> Problem:
        """Report a mistake at this place."""
        return Problem(path=self.path, what=what, why=why, fix=fix)
