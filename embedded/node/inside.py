"""Running commands inside the node, and knowing whether it runs.

The node is named by its init's process id and start time, so a reused process id is never taken for it.
"""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from embedded.errors import EmbeddedError
from embedded.node.config import SERVICES, Slot
from embedded.paths import PATHS

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def read_state() -> dict[str, int]:
    """Return the state file: ``slot``, and ``pid`` and ``started`` (clock ticks) while the node runs."""
    try:
        return json.loads(PATHS.node_state.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def write_state(state: dict[str, int]) -> None:
    """Replace the state file in one step."""
    partial = PATHS.node_state.with_suffix(".partial")
    partial.write_text(json.dumps(state))
    partial.replace(PATHS.node_state)


def start_time(pid: int) -> int | None:
    """Return when process ``pid`` started, in clock ticks since boot, or None if it is gone (proc(5), field 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(rest[18])


def running_pid() -> int | None:
    """Return the process id of the node's init, or None when the node is down."""
    state = read_state()
    pid = state.get("pid")
    return pid if pid and start_time(pid) == state.get("started") else None


def slot() -> Slot | None:
    """Return the slot this cluster was given, or None if it was never up."""
    number = read_state().get("slot")
    return None if number is None else Slot(number=number)


def run(*command: str, check: bool = True, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command inside the node.

    Raises:
        EmbeddedError: the node is down, or the command failed and ``check`` is set.
    """
    pid = running_pid()
    if pid is None:
        raise EmbeddedError("the embedded cluster is not running. Start it: crossfade cluster up")
    enter = ["nsenter", f"--target={pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/"]
    environment = {"PATH": _PATH, "SVDIR": SERVICES}
    result = subprocess.run(
        [*enter, *command], capture_output=True, text=True, check=False, env=environment, timeout=timeout
    )
    if check and result.returncode != 0:
        output = "\n".join((result.stdout + result.stderr).strip().splitlines()[-20:])
        raise EmbeddedError(f"`{' '.join(command)}` failed inside the node (exit {result.returncode}):\n{output}")
    return result


def wait_for(what: str, ready: Callable[[], bool], *, seconds: float, log: Path) -> None:
    """Poll until ``ready()``.

    Raises:
        EmbeddedError: not ready in time, or the node's init ended meanwhile. Names ``log``.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if running_pid() is None:
            raise EmbeddedError(f"the node ended while waiting for {what}. See {PATHS.node_log}")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{what} is not ready after {seconds:.0f} s. See {log}")
        time.sleep(0.5)
