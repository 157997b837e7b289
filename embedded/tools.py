"""Builds the Go tools of ``embedded.toolset`` into ``.crossfade/bin``.

Downloads are verified against each family's committed go.sum and retried; a family whose go.mod, go.sum, sources
and settings have not changed since its last build is left alone, so an interrupted run resumes where it was.
Module and build caches live in ``.crossfade/cache`` and are deleted at the end: they reach about 20 GB.
"""

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from embedded.console import say, step
from embedded.errors import EmbeddedError
from embedded.paths import PATHS, PROJECT
from embedded.toolset import FAMILIES, Family

TOOLS = PROJECT / "embedded" / "tools"
GO_MINIMUM = (1, 26)
_ATTEMPTS = 4


def build_all() -> None:
    """Build every family that is out of date, then drop the Go caches.

    Raises:
        EmbeddedError: no usable Go, a download that keeps failing, or a compile error.
    """
    _write_launchers()
    stale = stale_families()
    if not stale:
        say(f"==> Tools: all {len(FAMILIES)} families are built")
        return
    go = find_go()
    total = sum(family.minutes for family in stale)
    say(f"==> Tools: {len(stale)} of {len(FAMILIES)} families to build (usually {total:.0f} min on two cores)")
    for number, family in enumerate(stale, 1):
        with step(f"[{number}/{len(stale)}] {family.name}", usually=f"{family.minutes * 60:.0f} s"):
            _build(go, family)
    drop_caches(go)


def stale_families() -> list[Family]:
    """Return the families whose tools are not built, or not from what is committed now."""
    return [family for family in FAMILIES if not _is_current(family)]


def find_go() -> str:
    """Return the Go command to use.

    Raises:
        EmbeddedError: there is none, or it is older than the tools need.
    """
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    fix = f"Install Go {GO_MINIMUM[0]}.{GO_MINIMUM[1]} or newer and put it on PATH."
    if go is None:
        raise EmbeddedError(f"no `go` on PATH: the embedded cluster's tools are built from Go modules. {fix}")
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout.strip()
    numbers = tuple(int(part) for part in version.removeprefix("go").split(".")[:2])
    if numbers < GO_MINIMUM:
        raise EmbeddedError(f"{go} is {version}; the embedded cluster's tools need a newer one. {fix}")
    return go


def _write_launchers() -> None:
    """Put the offline provider plugin where the Pulumi engine looks for one: on PATH, under its plugin name."""
    PATHS.offline.mkdir(parents=True, exist_ok=True)
    launcher = PATHS.offline / "pulumi-resource-kubernetes"
    text = f'#!/bin/sh\nexec "{PROJECT}/.venv/bin/python" -m embedded.plugin "$@"\n'
    if not launcher.exists() or launcher.read_text() != text:
        launcher.write_text(text)
        launcher.chmod(0o755)


def drop_caches(go: str) -> None:
    """Delete the Go module and build caches of this project."""
    subprocess.run([go, "clean", "-modcache", "-cache"], env=_environment(), check=False, capture_output=True)
    shutil.rmtree(PATHS.cache / "go", ignore_errors=True)


def _environment() -> dict[str, str]:
    cache = PATHS.cache / "go"
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOMODCACHE": str(cache / "mod"),
        "GOCACHE": str(cache / "build"),
    }


def _stamp_path(family: Family) -> Path:
    return PATHS.build / "stamps" / f"tool-{family.name}"


def _fingerprint(family: Family) -> str:
    digest = hashlib.sha256()
    for path in sorted((TOOLS / family.name).iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(json.dumps([family.packages, family.variables, family.files], sort_keys=True).encode())
    return digest.hexdigest()


def _targets(family: Family) -> list[Path]:
    copied = [PATHS.root / target for _, _, target in family.files]
    return [PATHS.bin / name for name in family.packages.values()] + copied


def _is_current(family: Family) -> bool:
    stamp = _stamp_path(family)
    return (
        stamp.exists()
        and stamp.read_text() == _fingerprint(family)
        and all(target.exists() for target in _targets(family))
    )


def _build(go: str, family: Family) -> None:
    folder = TOOLS / family.name
    _download(go, folder, family.name)
    ldflags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in family.variables.items())])
    PATHS.bin.mkdir(parents=True, exist_ok=True)
    # One `go build` for all packages of a family shares the compile of what they have in common.
    if family.packages:
        out = PATHS.build / "go-out" / family.name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        command = [go, "build", "-trimpath", "-ldflags", ldflags, "-o", f"{out}/", *family.packages]
        _run(command, folder, f"building {family.name} failed")
        built = sorted(out.iterdir())
        if len(family.packages) == 1:  # `go build` names the file after the import path, `server` or `v3` say
            built[0].replace(PATHS.bin / next(iter(family.packages.values())))
        else:
            for path in built:
                path.replace(PATHS.bin / path.name)
        out.rmdir()
    for module, source, target in family.files:
        _copy(go, folder, module, source, PATHS.root / target)
    stamp = _stamp_path(family)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(_fingerprint(family))


def _download(go: str, folder: Path, name: str) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        result = subprocess.run(
            [go, "mod", "download"], cwd=folder, env=_environment(), capture_output=True, text=True, check=False
        )
        if result.returncode == 0:
            return
        if "SECURITY ERROR" in result.stderr or "checksum mismatch" in result.stderr:
            raise EmbeddedError(f"a module of {name} does not match its go.sum; nothing was built:\n{result.stderr}")
        say(f"    download attempt {attempt} of {_ATTEMPTS} failed: {result.stderr.strip().splitlines()[-1:]}")
        time.sleep(2**attempt)
    raise EmbeddedError(
        f"downloading the modules of {name} failed {_ATTEMPTS} times. Is the Go module proxy reachable? "
        f"Try `cd {folder} && go mod download`, then run the same command again."
    )


def _copy(go: str, folder: Path, module: str, source: str, target: Path) -> None:
    found = _run([go, "list", "-m", "-f", "{{.Dir}}", module], folder, f"{module} cannot be found")
    origin = Path(found.strip()) / source
    target.parent.mkdir(parents=True, exist_ok=True)
    if origin.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(origin, target)
    else:
        shutil.copyfile(origin, target)
        target.chmod(0o755 if target.parent == PATHS.bin else 0o644)
    # Module files are read-only; a later copy must be able to replace these.
    for path in [target, *target.rglob("*")] if target.is_dir() else []:
        path.chmod(path.stat().st_mode | 0o200)


def _run(command: list[str], folder: Path, failure: str) -> str:
    result = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise EmbeddedError(f"{failure}:\n" + "\n".join(result.stderr.strip().splitlines()[-15:]))
    return result.stdout
