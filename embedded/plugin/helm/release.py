"""The operations of a Helm release, from property values to property values.

The stored inputs are secret as a whole, as with the official plugin: values often hold passwords.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from embedded.plugin.cluster import Cluster
from embedded.plugin.diff import changes, covers, parse_path
from embedded.plugin.difference import Difference
from embedded.plugin.errors import PluginError
from embedded.plugin.helm import live
from embedded.plugin.helm.chart import chart_of, digest
from embedded.plugin.helm.cli import Helm, HelmError, helm
from embedded.plugin.helm.inputs import flags, id_of_release, with_defaults
from embedded.plugin.objects import INPUTS, RELEASE_TYPE, name_of, parse_id
from embedded.plugin.resource import Properties, Result
from embedded.plugin.secrets import annotate
from embedded.plugin.values import UNKNOWN, Secret, has_unknown, plain

_TELL_SECONDS = 10.0
_IDENTITY = (("name",), ("namespace",))


def check(cluster: Cluster, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
    """Return the inputs with defaults, the chart's exact version and a local chart's digest. Raises ValueError."""
    inputs = with_defaults(olds, news, name_of(urn), cluster.settings.namespace, seed)
    inputs.pop("checksum", None)
    if any(has_unknown(inputs.get(key)) for key in ("chart", "version", "repositoryOpts", "namespace")):
        return inputs
    chart = chart_of(inputs)
    same = all(plain(olds.get(key)) == plain(inputs.get(key)) for key in ("chart", "repositoryOpts", "version"))
    if not (same and chart.exact and chart.path is None):
        with helm(cluster, plain(inputs["namespace"])) as tool:
            try:
                found = tool.metadata(chart)
            except HelmError as error:
                raise ValueError(
                    f"chart {chart.reference}: {error}; check the chart's name and repositoryOpts"
                ) from None
        inputs["version"] = str(found.get("version", ""))
    if chart.path is not None:
        inputs["checksum"] = digest(chart.path)
    return inputs


def _stored(state: Properties) -> Properties:
    inputs = state.get(INPUTS)
    inputs = inputs.value if isinstance(inputs, Secret) else inputs
    return inputs if isinstance(inputs, dict) else {}


def diff(cluster: Cluster, urn: str, state: Properties, news: Properties, ignored: list[str]) -> Difference:  # noqa: ARG001
    """Return the inputs that changed; another name or namespace is another release."""
    olds = {key: value for key, value in _stored(state).items() if key != "resourceNames"}
    paths = [parse_path(text) for text in ignored]
    found = [
        item for item in changes(plain(olds), plain(news)) if not any(covers(prefix, item.path) for prefix in paths)
    ]
    replaced = frozenset(item.path for item in found if any(covers(prefix, item.path) for prefix in _IDENTITY))
    return Difference(tuple(found), replaced, delete_first=False)


def _state(news: Properties, extra: Properties) -> Properties:
    return {**annotate({**plain(news), **extra}, news), INPUTS: Secret(news)}


def preview_create(cluster: Cluster, urn: str, news: Properties) -> Properties:  # noqa: ARG001
    """Return the inputs; what Helm will tell is unknown."""
    return _state(news, {"status": UNKNOWN, "resourceNames": UNKNOWN})


def preview_update(cluster: Cluster, urn: str, state: Properties, news: Properties) -> Properties:  # noqa: ARG001
    """Return the inputs; what Helm will tell is unknown."""
    return preview_create(cluster, urn, news)


def create(cluster: Cluster, urn: str, news: Properties, seconds: float) -> Result:
    """Install the release and, unless skipAwait, wait for it. A failed one of the same name is repaired."""
    return _install(cluster, urn, news, seconds, adopt=False)


def update(cluster: Cluster, urn: str, state: Properties, news: Properties, seconds: float) -> Result:  # noqa: ARG001
    """Upgrade the release; one that is gone is installed again."""
    return _install(cluster, urn, news, seconds, adopt=True)


def _install(cluster: Cluster, urn: str, news: Properties, seconds: float, *, adopt: bool) -> Result:
    cluster.api()
    given = plain(news)
    if seconds > 0:
        given["timeout"] = int(seconds)
    name = given["name"]
    with helm(cluster, given["namespace"]) as tool:
        record = live.unlock(cluster, tool, name, lambda text: cluster.engine.progress(urn, text))
        status = (record or {}).get("info", {}).get("status", "")
        if record is not None and not adopt and status != "failed":
            command = f"pulumi import {RELEASE_TYPE} '{name_of(urn)}' '{id_of_release(given)}'"
            raise PluginError(
                f"Helm release {id_of_release(given)} already exists ({status}) and this stack does not own it. "
                f"Take it over with: {command}"
            )
        upgrade = record is not None
        command = ["upgrade", "--install"] if upgrade else ["install"]
        chart = tool.chart_flags(chart_of(given))
        failure = ""
        try:
            tool.run(
                [*command, name, *chart, *flags(given, upgrade=upgrade), "--values", "-"],
                stdin=json.dumps(given.get("values") or {}),
                tell=_teller(cluster, urn, tool, name),
            )
        except HelmError as error:
            failure = str(error)
        record = live.find(tool, name)
        if record is None:
            raise PluginError(
                f"Helm release {id_of_release(given)}: {failure or 'is gone right after it was installed'}"
            )
        extra = live.outputs(tool, record)
        if failure:
            failure = f"Helm release {id_of_release(given)}: " + "; ".join([failure, *live.troubles(cluster, record)])
        return Result(id_of_release(given), _state(news, extra), unready=failure)


def _teller(cluster: Cluster, urn: str, tool: Helm, name: str) -> Callable[[float], None]:
    """Return a function that shows, every ten seconds, what Helm waits for."""
    told = time.monotonic()

    def tell(waited: float) -> None:
        nonlocal told
        if time.monotonic() - told < _TELL_SECONDS:
            return
        told = time.monotonic()
        try:
            reasons = live.troubles(cluster, live.find(tool, name))
        except HelmError:
            reasons = []
        cluster.engine.progress(urn, f"{'; '.join(reasons) or 'helm is at work'} ({waited:.0f} s)")

    return tell


def read(cluster: Cluster, urn: str, resource_id: str, state: Properties, inputs: Properties) -> Result | None:  # noqa: ARG001
    """Return the release as Helm knows it, None where it is gone. Without inputs it is an import."""
    namespace, name = parse_id(resource_id)
    cluster.api()
    with helm(cluster, namespace or cluster.settings.namespace) as tool:
        record = live.find(tool, name)
        if record is None:
            return None
        extra = live.outputs(tool, record)
    known = inputs or _stored(state)
    status, config = extra["status"], record.get("config") or {}
    if known:
        found = dict(known)
        if plain(known.get("values") or {}) != config:
            found["values"] = annotate({"values": config}, known)["values"]
        if known.get("version") and plain(known["version"]) != status["version"]:
            found["version"] = status["version"]
    else:
        found = {"chart": status["chart"], "version": status["version"], "name": name, "namespace": record["namespace"]}
        found = with_defaults({}, {**found, "values": config}, name, record["namespace"], b"")
    unready = "" if status["status"] == "deployed" else f"Helm release {resource_id}: its status is {status['status']}"
    return Result(resource_id, _state(found, extra), found, unready)


def delete(cluster: Cluster, urn: str, resource_id: str, state: Properties, seconds: float) -> None:  # noqa: ARG001
    """Uninstall the release and, unless skipAwait, wait until its objects are gone."""
    namespace, name = parse_id(resource_id)
    cluster.api()
    given = plain(_stored(state))
    timeout = int(seconds or given.get("timeout") or 300)
    wait = ["--wait", "--timeout", f"{timeout}s"] if given.get("skipAwait") is not True else []
    with helm(cluster, namespace) as tool:
        try:
            tool.run(["uninstall", name, "--ignore-not-found", *wait])
        except HelmError as error:
            raise PluginError(f"Helm release {resource_id}: {error}") from None
