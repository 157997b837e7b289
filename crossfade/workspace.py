"""Where things lie on this machine, and the environment Pulumi and kubectl run in.

The project root is the folder with `Pulumi.yaml`. Everything the project makes is in its `.crossfade/`, save `.venv/`.
This module makes folders and the passphrase file; it starts nothing.
"""

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from crossfade.errors import InputError

MARKER = "Pulumi.yaml"


@dataclass(frozen=True, kw_only=True)
class ToolPath:
    """PATH for the project's tools, and which Pulumi CLI it finds first."""

    before: tuple[str, ...]
    """Folders that come before the user's own PATH."""
    after: tuple[str, ...]
    """Folders that come after it."""
    official: str | None
    """The Pulumi CLI of the user's own PATH, which is preferred; None where the project's own build is used."""

    def joined(self, user_path: str) -> str:
        """Return the whole PATH."""
        return os.pathsep.join([*self.before, *([user_path] if user_path else []), *self.after])


@dataclass(frozen=True)
class Workspace:
    """The project's paths. Building one touches nothing."""

    root: Path

    @property
    def _suffix(self) -> str:
        # The same variable names the embedded cluster (embedded/paths.py): the tests' cluster and state are their own.
        name = os.environ.get("CROSSFADE_CLUSTER", "")
        return f"-{name}" if name else ""

    @property
    def home(self) -> Path:
        """`.crossfade`, all that the project makes on this machine."""
        return self.root / ".crossfade"

    @property
    def bin(self) -> Path:
        """The built tools."""
        return self.home / "bin"

    @property
    def offline(self) -> Path:
        """The offline provider plugin, in a folder of its own: on PATH only where the official one is missing."""
        return self.home / "offline"

    @property
    def official_plugin(self) -> bool:
        """Whether the official kubernetes provider plugin is installed for this project."""
        return any((self.home / "pulumi" / "plugins").glob("resource-kubernetes-v*/pulumi-resource-kubernetes"))

    @property
    def venv_bin(self) -> Path:
        """The virtual environment's programs; kubectl among them."""
        return self.root / ".venv" / "bin"

    @property
    def state(self) -> Path:
        """Pulumi's file backend."""
        return self.home / f"state{self._suffix}"

    @property
    def passphrase(self) -> Path:
        """The file with the passphrase that encrypts secrets in state and stack files."""
        return self.home / "passphrase"

    @property
    def kubeconfig(self) -> Path:
        """The embedded cluster's kubeconfig."""
        return self.home / f"kubeconfig{self._suffix}"

    @property
    def data(self) -> Path:
        """Downloaded training data."""
        return self.home / "data"

    @property
    def reports(self) -> Path:
        """Training reports."""
        return self.home / "reports"

    def stack_file(self, stack: str) -> Path:
        """`Pulumi.<stack>.yaml`."""
        return self.root / f"Pulumi.{stack}.yaml"

    def model(self, name: str, version: int) -> Path:
        """Where `crossfade train` puts a version unless told otherwise."""
        return self.home / "models" / name / str(version)

    def tool_path(self, user_path: str | None = None) -> ToolPath:
        """Order PATH: an official Pulumi CLI on `user_path` (default: PATH) goes before the project's own build."""
        folders = (user_path if user_path is not None else os.environ.get("PATH", "")).split(os.pathsep)
        # Sourcing .crossfade/env puts our own folder on PATH: it must not be taken for the user's.
        own = {str(self.bin), str(self.venv_bin)}
        official = shutil.which("pulumi", path=os.pathsep.join(folder for folder in folders if folder not in own))
        offline = () if self.official_plugin else (str(self.offline),)
        if official:
            return ToolPath(before=(str(self.venv_bin), *offline), after=(str(self.bin),), official=official)
        return ToolPath(before=(str(self.bin), str(self.venv_bin), *offline), after=(), official=None)

    def variables(self) -> dict[str, str]:
        """Return the variables, PATH aside, that Pulumi, kubectl and TensorFlow run with here."""
        return {
            "PULUMI_HOME": str(self.home / "pulumi"),
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "KUBECONFIG": str(self.kubeconfig),
            "HELM_CACHE_HOME": str(self.home / "helm" / "cache"),
            "HELM_CONFIG_HOME": str(self.home / "helm" / "config"),
            "HELM_DATA_HOME": str(self.home / "helm" / "data"),
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }

    def environment(self) -> dict[str, str]:
        """Return the process's environment with the project's variables and PATH, for subprocesses."""
        # A passphrase in the variable would win over the file and no longer fit the state.
        inherited = {key: value for key, value in os.environ.items() if key != "PULUMI_CONFIG_PASSPHRASE"}
        return {**inherited, **self.variables(), "PATH": self.tool_path().joined(os.environ.get("PATH", ""))}

    def prepare(self) -> bool:
        """Make the folders and, once, a random passphrase of mode 0600. Return whether the passphrase is new."""
        for folder in (self.state, self.home / "pulumi"):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(self.passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return False
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        return True


def find(start: Path | None = None) -> Workspace:
    """Return the workspace around `start` (default: the current folder), else the one this package lies in.

    Raises InputError where no folder upwards has a Pulumi.yaml.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / MARKER).is_file():
            return Workspace(folder)
    raise InputError(f"no {MARKER} in {here} or above it: run crossfade inside the project's folder")
