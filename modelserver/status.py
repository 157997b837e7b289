"""Failures as TensorFlow names them: a canonical code and a message.

Codes are google.rpc.Code. `str()` is absl::Status's form, `NOT_FOUND: text`, which TensorFlow Serving nests in other
messages.
"""

from enum import IntEnum

_GRPC_MESSAGE_LIMIT = 1024  # TensorFlow Serving cuts longer messages before they become a header


class Code(IntEnum):
    """google.rpc.Code, which gRPC, absl and TensorFlow share."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


HTTP_STATUS = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}
"""TensorFlow Serving's mapping of codes to HTTP statuses (model_servers/http_server.cc)."""


class ServingError(Exception):
    """A request or a load that failed, with the code and text that a client or operator sees."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"

    @property
    def grpc_message(self) -> str:
        """The message as it travels in gRPC: at most 1,024 characters, then `...TRUNCATED`."""
        if len(self.message) > _GRPC_MESSAGE_LIMIT:
            return self.message[:_GRPC_MESSAGE_LIMIT] + "...TRUNCATED"
        return self.message


def invalid(message: str) -> ServingError:
    """Return an INVALID_ARGUMENT."""
    return ServingError(Code.INVALID_ARGUMENT, message)


def from_exception(error: Exception) -> ServingError:
    """Translate any exception of TensorFlow's runtime (or a bug) into a status; never loses the text."""
    if isinstance(error, ServingError):
        return error
    if isinstance(error, MemoryError):
        return ServingError(Code.RESOURCE_EXHAUSTED, f"Out of memory: {error}")
    code = getattr(error, "error_code", None)  # tensorflow.errors.OpError
    if isinstance(code, int) and code in Code._value2member_map_:
        return ServingError(Code(code), str(getattr(error, "message", error)))
    return ServingError(Code.INTERNAL, f"{type(error).__name__}: {error}")
