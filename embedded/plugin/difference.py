"""What an update would change: a server-side-apply dry run of the new inputs, compared with the live object.

Writes nothing. The server is asked only where the inputs changed; where it cannot be asked (a value, kind, namespace or
cluster is not there yet) the inputs are compared with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embedded.plugin import change
from embedded.plugin.cluster import Cluster, Target
from embedded.plugin.diff import Change, Path, changes, covers, parse_path, value_at
from embedded.plugin.errors import ApiError, KindMissingError, UnreachableError
from embedded.plugin.immutable import IDENTITY, refused_as_immutable, refused_paths, replaces
from embedded.plugin.managed import needs_move
from embedded.plugin.names import is_autonamed, is_named
from embedded.plugin.objects import Kind, annotations_of, metadata_of, parse_checkpoint, to_object
from embedded.plugin.values import has_unknown, plain

REPLACE_UNREADY = "pulumi.com/replaceUnready"


@dataclass(frozen=True)
class Difference:
    """The changes, which of their paths need a new object, and whether the old one must go first."""

    changes: tuple[Change, ...]
    replaced: frozenset[Path]
    delete_first: bool


def difference(
    cluster: Cluster, kind: Kind, state: dict[str, Any], news: dict[str, Any], manager: str, ignored: Sequence[str]
) -> Difference:
    """Return what changing the object from its state to the new inputs would do. Raises ApiError or PluginError."""
    old_inputs, old_live = parse_checkpoint(state)
    namespaced = cluster.namespaced(kind)
    old = _canonical(old_inputs, old_live, cluster, kind, namespaced)
    new = _canonical(news, old_live, cluster, kind, namespaced)
    given = changes(old, new)
    frozen = old_live.get("immutable") is True
    found, replaced = given, {item.path for item in given if replaces(item, kind, frozen=frozen)}
    identity = any(covers(prefix, item.path) for item in given for prefix in IDENTITY)
    if given and not identity and not has_unknown(new):
        asked = _ask(cluster, kind, news, manager, given, frozen=frozen)
        if asked is not None:
            found, replaced = asked
    found, replaced = _without(found, replaced, [parse_path(text) for text in ignored])
    if _unready(cluster, kind, news):
        path: Path = ("metadata", "annotations", REPLACE_UNREADY)
        found, replaced = [*found, Change(path, "update")], replaced | {path}
    same_place = metadata_of(new).get("namespace") == metadata_of(old).get("namespace")
    same_name = metadata_of(new).get("name") == metadata_of(old).get("name")
    delete_first = bool(replaced) and is_named(news) and not is_autonamed(news) and same_name and same_place
    return Difference(tuple(found), frozenset(replaced), delete_first)


def _canonical(
    inputs: dict[str, Any], live: dict[str, Any], cluster: Cluster, kind: Kind, namespaced: bool
) -> dict[str, Any]:
    """Return the object with its namespace written out, or without one where the kind has none."""
    own = Kind(str(inputs.get("apiVersion") or kind.api_version), str(inputs.get("kind") or kind.kind))
    obj = to_object(inputs, own)
    metadata = dict(obj.get("metadata") or {})
    namespace = metadata.pop("namespace", None)
    if namespaced:
        metadata["namespace"] = namespace or metadata_of(live).get("namespace") or cluster.settings.namespace
    metadata.setdefault("name", metadata_of(live).get("name"))
    return {**obj, "metadata": metadata}


def _ask(
    cluster: Cluster, kind: Kind, news: dict[str, Any], manager: str, given: list[Change], *, frozen: bool
) -> tuple[list[Change], set[Path]] | None:
    """Return the server's answer: (changes, replacing paths); None where it cannot be asked."""
    try:
        target = cluster.target(kind, news)
        live = cluster.read(target)
        if live is None:
            return None
        result = change.apply(cluster, target, news, manager, dry=True)
    except (KindMissingError, UnreachableError):
        return None
    except ApiError as error:
        if error.status == 422 and refused_as_immutable(error.causes):
            return given, refused_paths(error.causes, given, kind, frozen=frozen)
        if error.status in (403, 404) or _webhook_down(error):
            return None
        raise
    return _compared(live, result, given, target, news, manager), set()


def _compared(
    live: dict[str, Any],
    result: dict[str, Any],
    given: list[Change],
    target: Target,
    news: dict[str, Any],
    manager: str,
) -> list[Change]:
    found = changes(live, result)
    if needs_move(live["metadata"].get("managedFields") or [], manager):
        # The dry run cannot drop what an "Update" entry still owns; the update itself moves the ownership first.
        dropped = [item for item in given if item.kind == "delete" and value_at(result, item.path) is not None]
        found += [item for item in dropped if item not in found]
    string_data = plain(news.get("stringData"))
    if target.served.kind == Kind("v1", "Secret") and isinstance(string_data, dict):
        found = [_as_given(item, string_data) for item in found]
    return found


def _as_given(item: Change, string_data: dict[str, Any]) -> Change:
    """Name a Secret's value as the program does, so that the engine can show (masked) both sides."""
    if len(item.path) == 2 and item.path[0] == "data" and item.path[1] in string_data:
        return Change(("stringData", item.path[1]), item.kind)
    return item


def _webhook_down(error: ApiError) -> bool:
    return error.status >= 500 and "webhook" in error.message


def _without(found: list[Change], replaced: set[Path], ignored: list[Path]) -> tuple[list[Change], set[Path]]:
    kept = [item for item in found if not any(covers(prefix, item.path) for prefix in ignored)]
    return kept, {path for path in replaced if any(item.path == path for item in kept)}


def _unready(cluster: Cluster, kind: Kind, news: dict[str, Any]) -> bool:
    """Say whether a Job that asks for it (`replaceUnready`) has failed or is unfinished."""
    if kind.kind != "Job" or str(annotations_of(news).get(REPLACE_UNREADY, "")).lower() != "true":
        return False
    try:
        live = cluster.read(cluster.target(kind, news))
    except (ApiError, KindMissingError, UnreachableError):
        return False
    done = [
        item for item in ((live or {}).get("status") or {}).get("conditions") or [] if item.get("type") == "Complete"
    ]
    return live is not None and not any(item.get("status") == "True" for item in done)
