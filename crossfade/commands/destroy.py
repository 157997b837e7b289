"""`crossfade destroy`: remove what a stack made, save what it protects, and say by name what was kept and why."""

from typing import Annotated, Any

import typer

from crossfade import workspace
from crossfade.console import note, out
from crossfade.engine import Engine
from crossfade.errors import CrossfadeError, InputError
from crossfade.stack import Stack, run_tool


def destroy(
    stack: Annotated[str, typer.Option(help="The stack to remove.")] = "dev",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove all that the stack made, save its protected bucket, and list what was kept."""
    place = workspace.find()
    if not yes and not typer.confirm(f"Remove everything of stack {stack}, save its protected bucket?"):
        raise InputError("nothing was removed.")
    engine = Engine(place, stack)
    engine.unlock()
    # The stack may keep resources, so its file's config must go on fitting them: it is not removed.
    engine.stream("destroy", "--yes", "--skip-preview", "--exclude-protected", "--stack", stack, what="pulumi destroy")
    kept = [*protected(engine.state()), *_definitions(Stack(stack, place))]
    if not kept:
        note("Nothing was kept.")
        return
    out.print("Kept:")
    for line in kept:
        out.print(f"  {line}", soft_wrap=True, highlight=False)


def protected(state: dict[str, Any]) -> list[str]:
    """Return a line for each protected resource of a stack's state."""
    return [
        f"{resource['type'].rpartition(':')[2]} {resource.get('id', '')}: protected, so that published models outlive "
        "the stack; the next `pulumi up` goes on with it"
        for resource in state.get("resources") or []
        if resource.get("protect") and resource.get("custom")
    ]


def _definitions(stack: Stack) -> list[str]:
    """Return a line about custom resource definitions, which Helm keeps when it removes the chart that brought them."""
    try:
        names = run_tool(stack.kubectl("get", "crd", "-o", "name"), stack.place, timeout=60).split()
    except CrossfadeError:
        return []  # the cluster itself may be gone
    found = [name.partition("/")[2] for name in names if name.endswith(".istio.io")]
    if not found:
        return []
    line = (
        f"{len(found)} custom resource definitions of Istio: Helm keeps them, since deleting them deletes every Istio "
        "object of the cluster. To remove them: kubectl get crd -o name | grep istio.io | xargs kubectl delete"
    )
    return [line]
