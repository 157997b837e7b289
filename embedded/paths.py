"""Where the embedded cluster keeps things: all of it below ``.crossfade/`` of the checkout.

Knows paths only; creates nothing.
"""

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Folders and files of one embedded cluster.

    Attributes:
        root: the ``.crossfade`` folder.
        cluster: name of the cluster; empty for the one that `make demo` uses. The tests' cluster is ``e2e``, so that
            they never touch a user's.
    """

    root: Path
    cluster: str = ""

    @property
    def _suffix(self) -> str:
        return f"-{self.cluster}" if self.cluster else ""

    @property
    def bin(self) -> Path:
        """Built and copied executables."""
        return self.root / "bin"

    @property
    def offline(self) -> Path:
        """The offline provider plugin's launcher; crossfade puts this folder on PATH where it is needed."""
        return self.root / "offline"

    @property
    def cache(self) -> Path:
        """Downloads that may be deleted at any time."""
        return self.root / "cache"

    @property
    def build(self) -> Path:
        """Root file systems, Python packages of images and the stamps that say what they were made from."""
        return self.root / "build"

    @property
    def charts(self) -> Path:
        """Helm charts copied out of their Go modules."""
        return self.root / "charts"

    @property
    def node(self) -> Path:
        """The node: its root file system, state file and logs."""
        return self.root / f"cluster{self._suffix}"

    @property
    def node_root(self) -> Path:
        """Root file system of the node; its daemons see it as ``/``."""
        return self.node / "rootfs"

    @property
    def node_state(self) -> Path:
        """JSON: the slot, and the process that is the node's init while it runs."""
        return self.node / "state.json"

    @property
    def node_log(self) -> Path:
        """Output of the node's init."""
        return self.node / "init.log"

    @property
    def kubeconfig(self) -> Path:
        """Admin kubeconfig, mode 0600."""
        return self.root / f"kubeconfig{self._suffix}"


PATHS = Paths(root=PROJECT / ".crossfade", cluster=os.environ.get("CROSSFADE_CLUSTER", ""))
