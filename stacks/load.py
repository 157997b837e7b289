"""From Pulumi's config to a StackConfig, and the kubeconfig beside it.

Finds every mistake before any resource: sections that are no mappings, unknown sections, all that `stacks.config.parse`
checks, and a kubeconfig that is not there. Talks to no cluster.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import pulumi
from pulumi.runtime import config as runtime

from stacks.config import StackConfig
from stacks.config.parse import parse_stack
from stacks.config.problem import Problem, StackFileError
from stacks.kubeconfig import KUBECONFIG_KEY, check_kubeconfig, plain_kubeconfig

NAMESPACE: Final = "crossfade"


@dataclass(frozen=True, kw_only=True)
class LoadedStack:
    """A stack file that was read. `kubeconfig` is the content, a secret; None when a path or kubectl's rules hold."""

    config: StackConfig
    kubeconfig: pulumi.Output[str] | None


def load() -> LoadedStack:
    """Read the stack's config.

    Raises pulumi.RunError, which Pulumi prints as one message without a traceback.
    """
    try:
        return load_stack(Path.cwd())
    except StackFileError as error:
        fail(error)


def fail(error: Exception) -> NoReturn:
    """End the program with the error's text alone."""
    raise pulumi.RunError(str(error)) from error


def load_stack(project: Path) -> LoadedStack:
    """Read the stack's config; `project` is the folder that relative paths start from.

    Raises StackFileError with every mistake.
    """
    sections, problems = read_sections(_config_values())
    secret = pulumi.Config(NAMESPACE).get_secret(KUBECONFIG_KEY)
    if secret is not None and not runtime.is_config_secret(f"{NAMESPACE}:{KUBECONFIG_KEY}"):
        problems.append(plain_kubeconfig())
    config: StackConfig | None = None
    try:
        config = parse_stack(sections)
    except StackFileError as error:
        # A section that could not be read is reported as such, not as missing too.
        unread = {problem.path for problem in problems}
        problems += [problem for problem in error.problems if problem.path not in unread]
    problems += check_kubeconfig(sections.get("cluster"), project, secret is not None)
    if config is None or problems:
        raise StackFileError(problems)
    return LoadedStack(config=config, kubeconfig=secret)


def _config_values() -> dict[str, object]:
    """Return the stack's whole config: what the engine handed over, or the environment when run without it."""
    return {**runtime.get_config_env(), **runtime.CONFIG.get()}


def read_sections(values: Mapping[str, object]) -> tuple[dict[str, object], list[Problem]]:
    """Return the sections of the stack file, and what could not be read. Values are JSON text, as Pulumi has them."""
    sections: dict[str, object] = {}
    problems: list[Problem] = []
    for full_key, text in values.items():
        namespace, _, key = full_key.partition(":")
        if namespace != NAMESPACE or key == KUBECONFIG_KEY:
            continue
        try:
            sections[key] = json.loads(str(text))
        except json.JSONDecodeError:
            if key in StackConfig.model_fields:
                problems.append(_no_mapping(key, str(text)))
            else:
                sections[key] = text
    return sections, problems


def _no_mapping(key: str, text: str) -> Problem:
    return Problem(
        path=(key,),
        what=f'"{text[:60]}" is not a mapping.',
        why="A section holds keys and values.",
        fix=f"write its keys below `crossfade:{key}:`, or set one: `pulumi config set --path '{key}.<key>' <value>`.",
    )
