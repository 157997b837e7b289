"""A stack's resources as a tree, from its state; and the tree as a picture.

Reads `pulumi stack export`. Property values are not looked at, so no secret can get into the picture.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crossfade.errors import CrossfadeError

HIDDEN = ("pulumi:providers:", "pulumi:pulumi:")
ROW_INCHES, INDENT = 0.24, 0.35
MONO_POINTS = 8.5 * 0.602  # a character of DejaVu Sans Mono, matplotlib's monospace, at 8.5 points
COMPONENT, OBJECT, LINE = "#2563a8", "#374151", "#9ca3af"


@dataclass
class Node:
    """One resource: `kind` is the last part of its type, `group` what comes before it."""

    urn: str
    name: str
    kind: str
    group: str
    component: bool
    children: list["Node"] = field(default_factory=list)


def tree(resources: list[dict[str, Any]]) -> list[Node]:
    """Return the stack's top resources, their children below them, in the order the state has them.

    Providers and the stack itself are left out. Raises CrossfadeError where nothing is left.
    """
    nodes: dict[str, Node] = {}
    for resource in resources:
        kind = resource["type"]
        if not kind.startswith(HIDDEN):
            nodes[resource["urn"]] = Node(
                urn=resource["urn"],
                name=resource["urn"].rpartition("::")[2],
                kind=kind.rpartition(":")[2],
                group=kind.rpartition(":")[0],
                component=not resource.get("custom", False),
            )
    tops: list[Node] = []
    for resource in resources:
        node = nodes.get(resource["urn"])
        if node:
            parent = nodes.get(resource.get("parent", ""))
            (parent.children if parent else tops).append(node)
    if not tops:
        raise CrossfadeError("the stack has no resources yet: bring it up with `pulumi up`, then draw it.")
    return tops


def rows(tops: list[Node]) -> list[tuple[int, int | None, Node]]:
    """Return the tree as (depth, row of the parent, node), parents before children."""
    found: list[tuple[int, int | None, Node]] = []

    def visit(node: Node, depth: int, parent: int | None) -> None:
        found.append((depth, parent, node))
        here = len(found) - 1
        for child in node.children:
            visit(child, depth + 1, here)

    for top in tops:
        visit(top, 0, None)
    return found


def columns(tops: list[Node], count: int) -> list[list[Node]]:
    """Spread the top resources over at most `count` columns of similar height, their order kept."""
    heights = [len(rows([top])) for top in tops]
    # The smallest height into which they fit, found by trying: there are few.
    for limit in range(max(heights), sum(heights) + 1):
        result: list[list[Node]] = [[]]
        used = 0
        for top, height in zip(tops, heights, strict=True):
            if used + height > limit and result[-1]:
                result.append([])
                used = 0
            result[-1].append(top)
            used += height
        if len(result) <= count:
            return result
    return [tops]


def draw(tops: list[Node], path: Path, title: str, width: int = 2) -> None:
    """Draw the tree to `path` (.svg or .png), the top components in `width` columns."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    spread = [rows(column) for column in columns(tops, width)]
    height = max(len(column) for column in spread)
    figure, axes = plt.subplots(
        1,
        len(spread),
        figsize=(7.2 * len(spread), ROW_INCHES * (height + 1) + 0.6),
        squeeze=False,
        layout="constrained",
    )
    for axis, column in zip(axes[0], spread, strict=True):
        for place, (depth, parent, node) in enumerate(column):
            left = depth * INDENT
            if parent is not None:
                stem = left - INDENT + 0.06
                axis.plot([stem, stem, left - 0.04], [parent + 0.35, place, place], color=LINE, linewidth=0.9)
            weight, colour = ("bold", COMPONENT) if node.component else ("normal", OBJECT)
            axis.text(
                left, place, node.kind, va="center", fontsize=8.5, family="monospace", fontweight=weight, color=colour
            ).set_in_layout(False)
            axis.annotate(
                node.name,
                (left, place),
                xytext=(len(node.kind) * MONO_POINTS + 8, 0),
                textcoords="offset points",
                va="center",
                fontsize=8.5,
                color="#6b7280",
            ).set_in_layout(False)
        axis.set_xlim(-0.05, 5.2)
        axis.set_ylim(height - 0.4, -0.6)
        axis.axis("off")
    figure.suptitle(title, fontsize=12, x=0.01, ha="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=144)
    plt.close(figure)
