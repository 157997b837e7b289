"""The dev stack's resource graph, as the engine is asked for it. A change here is a change for every user."""

from syrupy.assertion import SnapshotAssertion

from tests.unit.components.graph import Graph, dev_sections, graph_of


def drawn(graph: Graph) -> str:
    lines: list[str] = []
    for node in graph:
        lines.append(f"{node.key}{'  (protected)' if node.protect else ''}")
        if node.parent:
            lines.append(f"  in {node.parent}")
        lines += [f"  after {key}" for key in node.depends_on]
    return "\n".join(lines)


def test_resource_graph_of_the_dev_stack(snapshot: SnapshotAssertion):
    assert drawn(graph_of(dev_sections())) == snapshot


def test_preview_shows_the_graph_that_the_update_makes():
    assert drawn(graph_of(dev_sections(), preview=True)) == drawn(graph_of(dev_sections()))
