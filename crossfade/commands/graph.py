"""`crossfade graph`: a picture of what a stack consists of."""

from pathlib import Path
from typing import Annotated

import typer

from crossfade import workspace
from crossfade.console import note
from crossfade.errors import InputError


def graph(
    target: Annotated[Path, typer.Option("--out", help="The picture, .svg or .png.")],
    stack: Annotated[str, typer.Option(help="The stack to draw.")] = "dev",
) -> None:
    """Draw a deployed stack's components and their children, from its state."""
    from crossfade import resources
    from crossfade.engine import Engine

    if target.suffix not in {".svg", ".png"}:
        raise InputError(f"--out {target}: the picture's name must end in .svg or .png.")
    found = Engine(workspace.find(), stack).state().get("resources") or []
    tops = resources.tree(found)
    count = len(resources.rows(tops))
    resources.draw(tops, target, f"crossfade, stack {stack}: {count} resources (components in blue)")
    note(f"{target}: {count} resources")
