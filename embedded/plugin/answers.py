"""How operations answer the engine: differences and failures as protocol messages.

Pure. A failure that leaves an object behind carries its state, so that the engine keeps it.
"""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from embedded.plugin.diff import Change, path_text
from embedded.plugin.difference import Difference
from embedded.plugin.values import marshal

_KINDS = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def diff_response(found: Difference) -> provider_pb2.DiffResponse:
    """Return the message for a difference."""
    kind = provider_pb2.DiffResponse.DIFF_SOME if found.changes else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=kind,
        diffs=sorted({str(item.path[0]) for item in found.changes}),
        replaces=sorted(path_text(path) for path in found.replaced),
        deleteBeforeReplace=found.delete_first,
        hasDetailedDiff=True,
        detailedDiff={path_text(item.path): _detail(item, found) for item in found.changes},
    )


def _detail(item: Change, found: Difference) -> provider_pb2.PropertyDiff:
    return provider_pb2.PropertyDiff(kind=_KINDS[item.kind, item.path in found.replaced])


class PartialFailureError(Exception):
    """An object exists but does not work. Carries what the engine must keep."""

    def __init__(
        self, resource_id: str, state: dict[str, object], inputs: dict[str, object] | None, reason: str
    ) -> None:
        super().__init__(reason)
        self.id, self.state, self.inputs, self.reason = resource_id, state, inputs, reason

    def status(self, reason: str, *, keep_secrets: bool) -> status_pb2.Status:
        """Return the gRPC status with the state as its detail (`pulumirpc.ErrorResourceInitFailed`)."""
        detail = provider_pb2.ErrorResourceInitFailed(
            id=self.id, properties=marshal(self.state, keep_secrets=keep_secrets), reasons=[reason]
        )
        if self.inputs is not None:
            detail.inputs.CopyFrom(marshal(self.inputs, keep_secrets=keep_secrets))
        packed = any_pb2.Any()
        packed.Pack(detail)
        return status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason, details=[packed])
