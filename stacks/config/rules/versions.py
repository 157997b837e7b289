"""Rules of versions: where their models lie, which number they have, and how they batch."""

import re
from collections.abc import Iterator
from typing import Final

from stacks.config.problem import Problem
from stacks.config.rules.node import Node
from stacks.config.serving import Batching
from stacks.config.uri import ModelUri, parse_uri
from stacks.types import show

SCHEMES: Final = {"inCluster": "s3"}
"""Scheme of the uris that each kind of storage serves."""

_PART: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._=+@-]+", re.ASCII)


def check_versions(root: Node) -> Iterator[Problem]:
    """Check every version of every model."""
    places: dict[str, Node] = {}
    for model in root["models"].values():
        for version in model["versions"].values():
            uri = parse_uri(version["uri"].text() or "")
            if uri is None or not uri.path:
                yield from _form(version["uri"], root)
            else:
                yield from _store(version["uri"], uri, root["storage"])
                yield from _place(version["uri"], uri, places)
                yield from _number(version, uri)
            yield from _batching(version["batching"])


def _form(node: Node, root: Node) -> Iterator[Problem]:
    if not node.text():
        return
    bucket = root["storage"]["bucket"].text() or "ml-models"
    yield node.problem(
        f"{show(node.value)} is not a model uri.",
        "A version is one folder of the bucket.",
        f"write `s3://{bucket}/<path>`, for example `s3://{bucket}/mnist/1`.",
    )


def _store(node: Node, uri: ModelUri, storage: Node) -> Iterator[Problem]:
    kind, bucket = storage["kind"].text(), storage["bucket"].text()
    scheme = SCHEMES.get(kind or "")
    right = f"{scheme}://{bucket or uri.bucket}/{uri.path}"
    if scheme is not None and uri.scheme != scheme:
        yield node.problem(
            f"{show(node.value)} is in another store: storage of kind {kind} serves `{scheme}://` only.",
            "The servers hold credentials for the stack's own store and can reach no other.",
            f"publish the version there and write `{right}`.",
        )
    elif bucket is not None and uri.bucket != bucket:
        yield node.problem(
            f"{show(node.value)} is in bucket {show(uri.bucket)}; the stack's bucket is {show(bucket)}.",
            "The servers' key opens the stack's own bucket only.",
            f"publish the version there and write `{right}`, or change `crossfade:storage.bucket`.",
        )
    if not all(_PART.fullmatch(part) for part in uri.path.split("/")):
        yield node.problem(
            f"the path {show(uri.path)} holds characters or parts that are not allowed.",
            "It becomes a folder name and part of a command.",
            "use letters, digits and `. _ - = + @`, and no part that is `.` or `..`.",
        )


def _place(node: Node, uri: ModelUri, places: dict[str, Node]) -> Iterator[Problem]:
    place = f"{uri.scheme}://{uri.bucket}/{uri.path}/"
    for other, first in places.items():
        if place == other:
            yield node.problem(
                f"{show(node.value)} is the path of `{first.where}` too.",
                "Two versions with one path serve the same model, so shifting traffic between them does nothing.",
                "publish the version to a path of its own.",
            )
        elif place.startswith(other) or other.startswith(place):
            yield node.problem(
                f"{show(node.value)} and `{first.where}` lie one inside the other.",
                "Everything below a version's path belongs to it, so one would copy the other's files.",
                "publish them side by side, for example `…/1` and `…/2`.",
            )
    places.setdefault(place, node)


def _number(version: Node, uri: ModelUri) -> Iterator[Problem]:
    number = version["version"].number()
    if number is not None and uri.servable_version is not None and number != uri.servable_version:
        yield version["version"].problem(
            f"version {number} contradicts the uri, which ends with {uri.servable_version}.",
            "A path that ends with a number has that servable version.",
            f"remove `version`, or write {uri.servable_version}.",
        )


def _batching(batching: Node) -> Iterator[Problem]:
    sizes = [size.number() for size in batching["allowedBatchSizes"].entries()]
    largest = batching["maxBatchSize"].number(Batching().max_batch_size)
    read = [size for size in sizes if size is not None]
    if not read or len(read) < len(sizes) or largest is None:
        return
    if read != sorted(set(read)) or read[-1] != largest:
        yield batching["allowedBatchSizes"].problem(
            f"the sizes are {', '.join(map(str, read))} with a maxBatchSize of {largest}.",
            "TensorFlow Serving wants them rising, the last one equal to maxBatchSize, and does not start otherwise.",
            f"sort them and end with {largest}.",
        )
