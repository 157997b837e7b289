"""What `crossfade destroy` says it kept."""

from crossfade.commands.destroy import protected


def test_protected_resources_are_named_and_nothing_else() -> None:
    state = {
        "resources": [
            {"type": "kubernetes:core/v1:PersistentVolumeClaim", "id": "a/data", "protect": True, "custom": True},
            {"type": "crossfade:storage:InClusterStore", "custom": False},
            {"type": "kubernetes:core/v1:ConfigMap", "id": "a/b", "custom": True},
        ]
    }
    assert [line.partition(":")[0] for line in protected(state)] == ["PersistentVolumeClaim a/data"]


def test_an_empty_state_keeps_nothing() -> None:
    assert protected({}) == []
    assert protected({"resources": None}) == []
