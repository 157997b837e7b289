"""Rules of a model's `traffic`: shares, and the versions that routes lead to."""

import difflib
from collections.abc import Iterator

from stacks.config.problem import Problem
from stacks.config.rules.node import Node
from stacks.types import show


def check_traffic(root: Node) -> Iterator[Problem]:
    """Check every model's traffic."""
    for model in root["models"].values():
        if model["traffic"].is_mapping:
            yield from _form(model)
            yield from _sum(model["traffic"]["weights"])
            yield from _references(model)
            yield from _mirror(model["traffic"])
            yield from _idle(model)


def shares(traffic: Node) -> dict[str, int]:
    """Return the share of each version that traffic names, as far as it can be read; {} when it cannot."""
    weights = traffic["weights"]
    if weights.given:
        read = {key: node.number() for key, node in weights.items()}
    else:
        stable, canary = traffic["stable"].text(), traffic["canary"]
        weight = canary["weight"].number() if canary.given else 0
        if stable is None or weight is None:
            return {}
        read = {stable: 100 - weight}
        if (key := canary["version"].text()) is not None:
            read[key] = weight
    known = {key: value for key, value in read.items() if value is not None and 0 <= value <= 100}
    return known if len(known) == len(read) else {}


def _form(model: Node) -> Iterator[Problem]:
    traffic = model["traffic"]
    stable, canary, weights = traffic["stable"], traffic["canary"], traffic["weights"]
    versions = model["versions"].keys()
    example = versions[0] if versions else "v1"
    if weights.given and (stable.given or canary.given):
        yield traffic.problem(
            "both `weights` and `stable`/`canary` are given.",
            "Each alone says how the traffic is split; together they could disagree.",
            "keep `stable` and `canary` for one version under trial, or `weights` for any number of versions.",
        )
    elif not weights.given and not stable.given:
        yield traffic.problem(
            "`canary` is given without `stable`." if canary.given else "neither `stable` nor `weights` is given.",
            "Nothing says which version answers the requests.",
            f"add `stable: {example}`, or `weights` with the share of each version.",
        )
    elif stable.text() is not None and stable.text() == canary["version"].text():
        yield canary["version"].problem(
            f"canary and stable are both {show(stable.value)}.",
            "A canary is compared with another version.",
            "name the other version, or remove `canary` to send everything to `stable`.",
        )


def _sum(weights: Node) -> Iterator[Problem]:
    numbers = [node.number() for node in weights.values()]
    read = [number for number in numbers if number is not None and 0 <= number <= 100]
    if not weights.is_mapping or len(read) < len(numbers) or sum(read) == 100:
        return
    difference = 100 - sum(read)
    yield weights.problem(
        f"the weights sum to {sum(read)}, not 100.",
        "They are per cents of all requests, so every request must be in exactly one of them.",
        f"{'add' if difference > 0 else 'take away'} {abs(difference)} in total; a version left out has 0.",
    )


def _references(model: Node) -> Iterator[Problem]:
    declared, traffic = model["versions"].keys(), model["traffic"]
    used = [traffic["stable"], traffic["canary"]["version"], traffic["mirror"]["version"]]
    used += [rule["version"] for rule in traffic["match"].entries()]
    named = [(node, node.text()) for node in used]
    named += [(node, key) for key, node in traffic["weights"].items()]
    for node, key in named:
        if key is None or key in declared or not declared:
            continue
        near = difflib.get_close_matches(key, declared, n=1)
        choice = f"`{near[0]}`" if near else "one of " + ", ".join(f"`{name}`" for name in declared)
        yield node.problem(
            f"version {show(key)} is not declared.",
            "Requests sent to it would be answered with an error, since nothing serves it.",
            f"use {choice}, or declare it under `{model['versions'].where}`.",
        )


def _mirror(traffic: Node) -> Iterator[Problem]:
    version = traffic["mirror"]["version"]
    key = version.text()
    if key is not None and shares(traffic).get(key) == 100:
        yield version.problem(
            f"the mirror is {show(key)}, which answers all requests already.",
            "It would work on each of them twice and tell nothing new.",
            "mirror to another version, or remove `mirror`.",
        )


def _idle(model: Node) -> Iterator[Problem]:
    traffic = model["traffic"]
    reached = {key: f"{share} % of the traffic" for key, share in shares(traffic).items() if share}
    for rule in traffic["match"].entries():
        reached.setdefault(rule["version"].text() or "", "the traffic of a match rule")
    if traffic["mirror"]["percent"].number():
        reached.setdefault(traffic["mirror"]["version"].text() or "", "mirrored traffic")
    for key, version in model["versions"].items():
        if key in reached and version["replicas"].number() == 0:
            yield version["replicas"].problem(
                f"0 replicas for a version that gets {reached[key]}.",
                "No pod would answer those requests.",
                f"give it at least 1, or take the traffic away under `{traffic.where}`.",
            )
