"""What the scalars are built from: the error with what, why and fix, and the two shapes of check."""

import re
from typing import Final

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

PROBLEM: Final = "stack_file"
"""The pydantic error type of every error made by `reject`; its context holds what, why and fix."""


def reject(what: str, why: str, fix: str) -> PydanticCustomError:
    """Make the error a validator raises: what is wrong, why it is refused, and how to mend it."""
    return PydanticCustomError(PROBLEM, "{what} {why} Fix: {fix}", {"what": what, "why": why, "fix": fix})


def show(value: object) -> str:
    """Write a value as it stands in the stack file, cut to a readable length."""
    text = {True: "true", False: "false", None: "null"}[value] if isinstance(value, bool | None) else str(value)
    text = f'"{text}"' if isinstance(value, str) else text
    return text if len(text) <= 80 else f"{text[:77]}..."


def whole(noun: str, low: int, high: int, why: str) -> BeforeValidator:
    """Accept whole numbers from low to high only: no booleans, no text, no fractions, not even 30.0."""

    def check(value: object) -> object:
        fix = f"write a whole number from {low} to {high}."
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise reject(f"{show(value)} is not {noun}.", why, fix)
        if isinstance(value, str):
            plain = value.strip().isdecimal()
            raise reject(f"{show(value)} is text, not {noun}.", why, "remove the quotes." if plain else fix)
        if isinstance(value, float):
            raise reject(f"{value} is not a whole number.", why, fix)
        if value < low:
            raise reject(f"{value} is {'negative' if value < 0 else f'below {low}'}.", why, fix)
        if value > high:
            raise reject(f"{value} is over {high}.", why, fix)
        return value

    return BeforeValidator(check)


def matching(pattern: str, noun: str, why: str, fix: str, longest: int | None = None) -> AfterValidator:
    """Accept text that fully matches the pattern and is at most `longest` characters."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if longest is not None and len(value) > longest:
            raise reject(f"{show(value)} has {len(value)} characters.", why, f"use at most {longest} characters.")
        if compiled.fullmatch(value) is None:
            raise reject(f"{show(value)} is not {noun}.", why, fix)
        return value

    return AfterValidator(check)
