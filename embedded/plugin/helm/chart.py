"""Which chart a release means: a local folder or archive, or one of a repository.

Reads local files only. A repository's chart is looked up by `cli.py`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded.plugin.values import plain

_EXACT = re.compile(r"v?\d+\.\d+\.\d+([-+].*)?$")


@dataclass(frozen=True)
class Chart:
    """A chart as `helm` takes it. `path` is None for one of a repository."""

    reference: str
    path: Path | None
    repo: str
    version: str
    login: dict[str, str]

    @property
    def exact(self) -> bool:
        """Say whether the version names one chart and no range."""
        return bool(_EXACT.match(self.version))


def chart_of(inputs: dict[str, Any]) -> Chart:
    """Return the chart of a release. Raises ValueError where a local path holds none."""
    given = plain(inputs)
    options = given.get("repositoryOpts") or {}
    repo, reference = str(options.get("repo") or ""), str(given.get("chart") or "")
    if not reference:
        raise ValueError(
            "chart: a release needs a chart: a local folder, an archive, or a name with repositoryOpts.repo"
        )
    login = {
        key: str(options[key]) for key in ("username", "password", "caFile", "certFile", "keyFile") if options.get(key)
    }
    path = Path(reference).expanduser()
    local = not repo and not reference.startswith(("oci://", "http://", "https://"))
    if local and (path.exists() or reference.startswith((".", "/", "~")) or reference.count("/") > 1):
        path = path.absolute()
        if not (path.is_file() or (path / "Chart.yaml").is_file()):
            raise ValueError(f"chart: {path} is no chart: there is no Chart.yaml in it")
        return Chart(str(path), path, "", str(given.get("version") or ""), {})
    return Chart(reference, None, repo, str(given.get("version") or ""), login)


def digest(path: Path) -> str:
    """Return a SHA-256 over a chart's files, names and contents, in hex: a changed chart is an update."""
    total = hashlib.sha256()
    files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
    for item in files:
        name = item.name if item == path else item.relative_to(path).as_posix()
        total.update(name.encode() + b"\0" + hashlib.sha256(item.read_bytes()).digest())
    return total.hexdigest()
