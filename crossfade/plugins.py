"""Which `kubernetes` provider plugin the engine gets: the official one where it can be installed, else the offline one.

The engine prefers a plugin on PATH to an installed one, so the offline plugin's folder is on PATH only where the
official plugin is not installed.
"""

import importlib.metadata

from crossfade.console import note
from crossfade.errors import CrossfadeError
from crossfade.stack import run_tool
from crossfade.workspace import Workspace

INSTALL_SECONDS = 300


def ensure(place: Workspace) -> None:
    """Install the official plugin unless it is there; where it cannot be had, say that the offline one is used."""
    version = importlib.metadata.version("pulumi-kubernetes")
    if not place.official_plugin:
        try:
            # Quick where nothing answers: five tries in three seconds.
            run_tool(
                ["pulumi", "plugin", "install", "resource", "kubernetes", f"v{version}", "--non-interactive"],
                place,
                timeout=INSTALL_SECONDS,
            )
        except CrossfadeError:
            note(
                "Provider plugin: the official kubernetes plugin cannot be downloaded here; the project's offline "
                "plugin takes its place (docs/offline-plugin.md)."
            )
            return
    note(f"Provider plugin: the official kubernetes plugin v{version}.")
