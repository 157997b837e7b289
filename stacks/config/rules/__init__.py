"""Rules between the values of a stack file.

Every rule reads the file as written, defaults filled in where it needs them, and skips what it cannot read: bad values
are reported by the types. So one run finds all mistakes.
"""

from collections.abc import Mapping

from stacks.config.problem import Problem
from stacks.config.rules.hosts import check_hosts
from stacks.config.rules.match import check_matches
from stacks.config.rules.naming import check_names
from stacks.config.rules.node import Node
from stacks.config.rules.platform import check_platform
from stacks.config.rules.ports import check_ports
from stacks.config.rules.traffic import check_traffic
from stacks.config.rules.versions import check_versions

_RULES = (check_names, check_traffic, check_matches, check_versions, check_ports, check_hosts, check_platform)


def find_problems(sections: Mapping[str, object]) -> list[Problem]:
    """Return what breaks a rule; `sections` is the stack file below `crossfade:`, with camelCase keys."""
    root = Node(sections)
    return [problem for rule in _RULES for problem in rule(root)]


__all__ = ["find_problems"]
