"""Kubeconfig files: finding, reading and cutting one down to the context in use.

Pure but for reading the files. Contacts no cluster; `components.cluster.reach` does. Only what belongs to the chosen
context is handed on, so that other clusters' credentials never enter the stack's state, not even encrypted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml
from pulumi import RunError

_FILES: Final = {"certificate-authority", "client-certificate", "client-key", "tokenFile"}
"""Fields that hold a path, relative to the kubeconfig's own folder."""


class KubeconfigError(RunError):
    """A kubeconfig that cannot be used. Pulumi shows the message alone, without a traceback."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """One context of a kubeconfig."""

    content: str
    """Kubeconfig with this context alone, as JSON (which is YAML). Holds credentials: treat as a secret."""
    context: str
    """Name of the context."""
    server: str
    """Address of the API server."""
    origin: str
    """Where the kubeconfig came from, for messages."""


def candidates(path: str | None, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Return the kubeconfig files to read: the given one, else those in KUBECONFIG, else ~/.kube/config.

    With several in KUBECONFIG those that do not exist are skipped, as kubectl does.
    """
    if path is not None:
        return (Path(path).expanduser(),)
    listed = tuple(Path(part).expanduser() for part in env.get("KUBECONFIG", "").split(":") if part)
    if len(listed) > 1:
        return tuple(each for each in listed if each.is_file()) or listed[:1]
    return listed or (home / ".kube" / "config",)


def read_access(paths: tuple[Path, ...], context: str | None) -> Access:
    """Read kubeconfig files and cut them down to one context (None: the current one).

    Of two entries with one name the first wins, as in kubectl. Raises KubeconfigError with what to do.
    """
    documents: list[dict[str, Any]] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise KubeconfigError(
                f"There is no kubeconfig at {path}. The program needs one to reach the cluster. Fix: bring the cluster "
                f"up (`crossfade cluster up`), or give its file in crossfade:cluster.kubeconfig."
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise KubeconfigError(
                f"The kubeconfig {path} cannot be read: {error}. Fix: check the path and its rights."
            ) from None
        documents.append(_absolute(_parse(text, str(path)), path.resolve().parent))
    return _select(documents, context, " and ".join(str(path) for path in paths))


def parse_access(content: str, context: str | None) -> Access:
    """Cut a kubeconfig's content (the secret `crossfade:kubeconfig`) down to one context.

    Raises KubeconfigError, whose message never quotes the content.
    """
    origin = "secret crossfade:kubeconfig"
    return _select([_parse(content, origin)], context, origin)


def _parse(text: str, origin: str) -> dict[str, Any]:
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise KubeconfigError(
            f"The kubeconfig {origin} is not YAML{where}. Fix: write it anew with your cluster's own tool."
        ) from None
    if not isinstance(document, dict):
        raise KubeconfigError(
            f"The kubeconfig {origin} is empty, or no mapping. Fix: write it anew with your cluster's own tool."
        )
    return cast("dict[str, Any]", document)


def _absolute(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make the paths in a kubeconfig absolute: its content is used away from its folder."""
    for section, part in (("clusters", "cluster"), ("users", "user")):
        for entry in _entries(document, section).values():
            body = _body(entry, part)
            body.update({key: str(folder / str(body[key])) for key in _FILES & body.keys()})
    return document


def _entries(document: Mapping[str, Any], section: str) -> dict[str, dict[str, Any]]:
    listed: Any = document.get(section)
    found: dict[str, dict[str, Any]] = {}
    for entry in cast("list[Any]", listed) if isinstance(listed, list) else []:
        if isinstance(entry, dict):
            found.setdefault(str(cast("dict[str, Any]", entry).get("name")), cast("dict[str, Any]", entry))
    return found


def _body(entry: Mapping[str, Any], part: str) -> dict[str, Any]:
    found: Any = entry.get(part)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _select(documents: list[dict[str, Any]], context: str | None, origin: str) -> Access:
    merged = {
        section: {
            name: entry for document in reversed(documents) for name, entry in _entries(document, section).items()
        }
        for section in ("contexts", "clusters", "users")
    }
    current = next((str(each["current-context"]) for each in documents if each.get("current-context")), None)
    name = context or current
    known = ", ".join(sorted(merged["contexts"])) or "none"
    if name is None:
        raise KubeconfigError(
            f"The kubeconfig {origin} has no current context, and crossfade:cluster.context gives none. "
            f"It has: {known}. Fix: set crossfade:cluster.context to one of these."
        )
    if name not in merged["contexts"]:
        raise KubeconfigError(
            f'The kubeconfig {origin} has no context "{name}". It has: {known}. '
            "Fix: set crossfade:cluster.context to one of these."
        )
    body = _body(merged["contexts"][name], "context")
    cluster = merged["clusters"].get(str(body.get("cluster")))
    user = merged["users"].get(str(body.get("user")))
    server = _body(cluster or {}, "cluster").get("server")
    if not isinstance(server, str) or (body.get("user") and user is None):
        missing = "cluster" if not isinstance(server, str) else "user"
        raise KubeconfigError(
            f'The context "{name}" of the kubeconfig {origin} refers to the {missing} "{body.get(missing)}", which the '
            "file does not describe. Fix: write the file anew with your cluster's own tool."
        )
    chosen = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": body}],
        "clusters": [cluster],
        "users": [user] if user is not None else [],
    }
    return Access(content=json.dumps(chosen, sort_keys=True), context=name, server=server, origin=origin)
