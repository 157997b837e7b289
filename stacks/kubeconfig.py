"""Checks of the kubeconfig that a stack file names, before anything is deployed. Talks to no cluster."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import yaml

from stacks.config import ExistingCluster
from stacks.config.problem import Problem

KUBECONFIG_KEY: Final = "kubeconfig"
"""Key of the stack file that holds a kubeconfig's content, a secret."""


def plain_kubeconfig() -> Problem:
    """Report a kubeconfig whose content is not encrypted in the stack file."""
    return Problem(
        path=(KUBECONFIG_KEY,),
        what="the kubeconfig's content stands in the stack file as plain text.",
        why="It opens the cluster to whoever reads the file.",
        fix="renew its credentials, and set it with `pulumi config set --secret crossfade:kubeconfig < FILE`.",
    )


def check_kubeconfig(section: object, project: Path, has_secret: bool) -> list[Problem]:
    """Check that the kubeconfig an existing cluster names is there, readable, and has the context."""
    try:
        cluster = ExistingCluster.model_validate(section)
    except ValueError:
        return []  # reported with the rest of the section
    if cluster.kubeconfig is None:
        return []
    path = project / Path(cluster.kubeconfig).expanduser()
    where = ("cluster", "kubeconfig")
    if has_secret:
        return [
            Problem(
                path=where,
                what="a kubeconfig is given both as a path and as the secret `crossfade:kubeconfig`.",
                why="They could lead to two clusters.",
                fix="remove the path, or `pulumi config rm crossfade:kubeconfig`.",
            )
        ]
    if not path.is_file():
        return [
            Problem(
                path=where,
                what=f"there is no file {cluster.kubeconfig}.",
                why="It says which cluster to deploy to and how to reach it.",
                fix="on a bare machine, `crossfade cluster up` makes a cluster and the file; else correct the path.",
            )
        ]
    return _check_context(cluster, path)


def _check_context(cluster: ExistingCluster, path: Path) -> list[Problem]:
    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        content = None
    listed = cast("Mapping[str, object]", content).get("contexts") if isinstance(content, Mapping) else None
    if not isinstance(listed, list):
        return [
            Problem(
                path=("cluster", "kubeconfig"),
                what=f"{cluster.kubeconfig} is not a readable kubeconfig.",
                why="It holds no list of contexts.",
                fix="write it anew, for example with `crossfade cluster up` or your cloud's command line.",
            )
        ]
    entries = cast("list[object]", listed)
    names = [str(cast("Mapping[str, object]", entry).get("name")) for entry in entries if isinstance(entry, Mapping)]
    if cluster.context is None or cluster.context in names:
        return []
    return [
        Problem(
            path=("cluster", "context"),
            what=f'{cluster.kubeconfig} has no context "{cluster.context}".',
            why="A context names a cluster and the user to reach it as.",
            fix=f"use one of {', '.join(names) or 'its contexts (it has none)'}, or leave `context` out.",
        )
    ]
