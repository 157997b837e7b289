"""The provider protocol: takes messages apart, calls the operation, puts the answer together.

Decides nothing about Kubernetes. No exception leaves it as a traceback, and no secret in an error's text.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from embedded.plugin import VERSION, config, resource
from embedded.plugin.answers import PartialFailureError, diff_response
from embedded.plugin.cluster import Cluster
from embedded.plugin.engine import Engine
from embedded.plugin.errors import PluginError
from embedded.plugin.helm import release
from embedded.plugin.names import Autonaming, NameRequiredError
from embedded.plugin.objects import RELEASE_TYPE, NotSupportedError, type_of
from embedded.plugin.secrets import secret_texts, strike
from embedded.plugin.values import Value, marshal, unmarshal

Context = grpc.ServicerContext
Properties = dict[str, Any]
_INSTEAD = "use kubernetes:helm.sh/v3:Release or typed resources"


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One provider process. The engine configures it once and then calls from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cancelled = threading.Event()
        self._keep_secrets = True
        self._cluster = Cluster(config.read({}), engine, self._cancelled)

    # Of the whole provider

    def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> plugin_pb2.PluginInfo:  # noqa: ARG002, N802, D102
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:  # noqa: N802, D102
        with self._guarded(context, unmarshal(request.news)) as news:
            failed = [provider_pb2.CheckFailure(property=key, reason=why) for key, why in config.failures(news[0])]
            return provider_pb2.CheckResponse(inputs=request.news, failures=failed)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:  # noqa: N802, D102
        with self._guarded(context, unmarshal(request.olds), unmarshal(request.news)) as (olds, news):
            keys, replaced = config.config_diff(olds, news)
            some = provider_pb2.DiffResponse.DIFF_SOME if keys else provider_pb2.DiffResponse.DIFF_NONE
            return provider_pb2.DiffResponse(changes=some, diffs=keys, replaces=replaced)

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Context) -> provider_pb2.ConfigureResponse:  # noqa: N802, D102
        given = unmarshal(request.args) or {key.rpartition(":")[2]: text for key, text in request.variables.items()}
        with self._guarded(context, given):
            self._keep_secrets = request.acceptSecrets
            self._cluster = Cluster(config.read(given), self._engine, self._cancelled)
            return provider_pb2.ConfigureResponse(
                acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
            )

    def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:  # noqa: ARG002, N802, D102
        self._cancelled.set()
        return empty_pb2.Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: Context) -> NoReturn:  # noqa: N802, D102
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"the offline kubernetes plugin has no function {request.tok}: {_INSTEAD}",
        )
        raise AssertionError("abort raises")

    def Construct(self, request: provider_pb2.ConstructRequest, context: Context) -> NoReturn:  # noqa: N802, D102
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"the offline kubernetes plugin has no component {request.type}: {_INSTEAD}",
        )
        raise AssertionError("abort raises")

    def GetSchema(self, request: provider_pb2.GetSchemaRequest, context: Context) -> provider_pb2.GetSchemaResponse:  # noqa: ARG002, N802, D102
        # Enough for `pulumi import --generate-code=false`; the plugin does not carry the SDK's schema.
        return provider_pb2.GetSchemaResponse(schema=f'{{"name": "kubernetes", "version": "{VERSION}"}}')

    # Of one resource

    def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:  # noqa: N802, D102
        with self._guarded(context, unmarshal(request.olds), unmarshal(request.news)) as (olds, news):
            asked = request.autonaming
            autonaming = Autonaming(
                asked.proposed_name, disabled=asked.mode == provider_pb2.CheckRequest.AutonamingOptions.DISABLE
            )
            try:
                if _is_release(request.urn):
                    inputs = release.check(self._cluster, request.urn, olds, news, request.randomSeed)
                else:
                    inputs = resource.check(self._cluster, request.urn, olds, news, request.randomSeed, autonaming)
            except (NameRequiredError, NotSupportedError, ValueError) as error:
                failed = [provider_pb2.CheckFailure(reason=strike(str(error), secret_texts(news)))]
                return provider_pb2.CheckResponse(inputs=request.news, failures=failed)
            return provider_pb2.CheckResponse(inputs=self._marshal(inputs))

    def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:  # noqa: N802, D102
        with self._guarded(context, unmarshal(request.olds), unmarshal(request.news)) as (olds, news):
            operation = release.diff if _is_release(request.urn) else resource.diff
            return diff_response(operation(self._cluster, request.urn, olds, news, list(request.ignoreChanges)))

    def Create(self, request: provider_pb2.CreateRequest, context: Context) -> provider_pb2.CreateResponse:  # noqa: N802, D102
        with self._guarded(context, unmarshal(request.properties)) as (news,):
            kind = release if _is_release(request.urn) else resource
            if request.preview:
                state = kind.preview_create(self._cluster, request.urn, news)
                return provider_pb2.CreateResponse(properties=self._marshal(state))
            made = _whole(kind.create(self._cluster, request.urn, news, request.timeout))
            return provider_pb2.CreateResponse(id=made.id, properties=self._marshal(made.state))

    def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> provider_pb2.UpdateResponse:  # noqa: N802, D102
        with self._guarded(context, unmarshal(request.olds), unmarshal(request.news)) as (olds, news):
            kind = release if _is_release(request.urn) else resource
            if request.preview:
                state = kind.preview_update(self._cluster, request.urn, olds, news)
                return provider_pb2.UpdateResponse(properties=self._marshal(state))
            made = _whole(kind.update(self._cluster, request.urn, olds, news, request.timeout))
            return provider_pb2.UpdateResponse(properties=self._marshal(made.state))

    def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:  # noqa: N802, D102
        with self._guarded(context, unmarshal(request.properties), unmarshal(request.inputs)) as (state, inputs):
            kind = release if _is_release(request.urn) else resource
            found = kind.read(self._cluster, request.urn, request.id, state, inputs)
            if found is None:
                return provider_pb2.ReadResponse()
            _whole(found)
            return provider_pb2.ReadResponse(
                id=found.id, properties=self._marshal(found.state), inputs=self._marshal(found.inputs or {})
            )

    def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:  # noqa: N802, D102
        with self._guarded(context, unmarshal(request.properties)) as (state,):
            kind = release if _is_release(request.urn) else resource
            kind.delete(self._cluster, request.urn, request.id, state, request.timeout)
            return empty_pb2.Empty()

    def _marshal(self, values: Properties) -> Value:
        return marshal(values, keep_secrets=self._keep_secrets)

    @contextmanager
    def _guarded(self, context: Context, *properties: Properties) -> Iterator[tuple[Properties, ...]]:
        """End every failure in one message, with the secrets of the given properties struck out."""
        try:
            yield properties
        except PartialFailureError as failure:
            reason = self._struck(failure.reason, properties)
            status = failure.status(reason, keep_secrets=self._keep_secrets)
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.UNKNOWN, reason)
        except (PluginError, NotSupportedError, ValueError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, self._struck(str(error), properties))
        except Exception as error:
            if os.environ.get("PULUMI_DEBUG_OFFLINE_PLUGIN"):
                raise
            text = f"a mistake in the offline kubernetes plugin: {type(error).__name__}: {error}"
            context.abort(grpc.StatusCode.INTERNAL, self._struck(text, properties))

    @staticmethod
    def _struck(text: str, properties: tuple[Properties, ...]) -> str:
        texts = set().union(*(secret_texts(item) for item in properties)) if properties else set()
        return strike(text, texts)


def _is_release(urn: str) -> bool:
    return type_of(urn) == RELEASE_TYPE


def _whole(made: resource.Result) -> resource.Result:
    """Return the result, or raise PartialFailureError where the object does not work."""
    if made.unready:
        raise PartialFailureError(made.id, made.state, made.inputs, made.unready)
    return made
