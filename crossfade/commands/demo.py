"""`crossfade demo`: the whole main job on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from crossfade import workspace


def demo(
    stack: Annotated[str, typer.Option(help="The stack, and so the stack file.")] = "dev",
    requests: Annotated[int, typer.Option(help="Requests over each of the two APIs.", min=100, max=1_000_000)] = 5000,
    picture: Annotated[Path | None, typer.Option(help="Draw the measured split to this .png or .svg.")] = None,
) -> None:
    """Bring everything up and show the split: cluster, platform, two versions, 70/30 by default.

    What is done already is kept, so a second run is short and an interrupted one goes on where it stopped.
    """
    from crossfade.demo.job import Demo

    Demo(place=workspace.find(), stack=stack, requests=requests, picture=picture).run()
