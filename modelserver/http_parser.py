"""Bytes to HTTP/1.1 requests (RFC 9112). Pure: no sockets, no clock.

Strict where leniency lets two parties disagree about where a request ends (both length headers, folded lines, bad
chunk sizes): such a request is refused and the connection closed.
"""

import re
import zlib
from dataclasses import dataclass, field

MAX_HEAD = 64 * 1024
MAX_BODY = 512 * 1024 * 1024
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.([01])")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")


@dataclass(frozen=True)
class Refused:
    """A request that is not answered by the service. The connection closes after it."""

    status: int
    reason: str


@dataclass
class Request:
    """One request. `path` is without the query; `body` is uncompressed."""

    method: str
    path: str
    keep_alive: bool
    origin: str
    body: bytes = b""


class _RefusedError(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.refused = Refused(status, reason)


@dataclass
class _Pending:
    """A request whose head is complete.

    `left` counts body bytes to come, or those of the current chunk; -1: a chunk line is next.
    """

    request: Request
    gzip: bool
    chunked: bool
    left: int
    parts: list[bytes] = field(default_factory=list)
    size: int = 0


class Parser:
    """Feed it bytes as they come; it returns the requests that are complete."""

    def __init__(self) -> None:
        self.wants_continue = False
        self._buffer = bytearray()
        self._pending: _Pending | None = None
        self._trailer = False
        self._dead = False

    @property
    def partial(self) -> bool:
        """Whether part of a request has arrived."""
        return not self._dead and (bool(self._buffer) or self._pending is not None)

    def feed(self, data: bytes) -> list[Request | Refused]:
        """Return the requests that `data` completes. After a Refused, nothing more is read."""
        done: list[Request | Refused] = []
        if self._dead:
            return done
        self._buffer += data
        try:
            while (request := self._next()) is not None:
                done.append(request)
        except _RefusedError as error:
            self._dead = True
            done.append(error.refused)
        return done

    def _next(self) -> Request | None:
        if self._pending is None:
            self._pending = self._head()
        if self._pending is None or not self._body(self._pending):
            return None
        pending, self._pending = self._pending, None
        body = b"".join(pending.parts)
        pending.request.body = _gunzip(body) if pending.gzip else body
        return pending.request

    def _head(self) -> _Pending | None:
        while self._buffer.startswith(b"\r\n"):  # RFC 9112 2.2: an empty line before a request is skipped
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > MAX_HEAD:
            if len(self._buffer) > MAX_HEAD:
                raise _RefusedError(431, "Request header is too large")
            return None
        first, *rest = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        line = _LINE.fullmatch(first)
        if line is None:
            raise _RefusedError(400, "Malformed request line")
        headers: dict[str, str] = {}
        for row in rest:
            header = _HEADER.fullmatch(row)
            if header is None or (header[1].lower() == b"content-length" and "content-length" in headers):
                raise _RefusedError(400, "Malformed header")
            headers[header[1].lower().decode()] = header[2].decode("latin-1")
        return self._start(line, headers)

    def _start(self, line: re.Match[bytes], headers: dict[str, str]) -> _Pending:
        target = line[2].decode("latin-1")
        if target.startswith(("http://", "https://")):  # the absolute form, which proxies send
            target = "/" + target.split("/", 3)[3] if target.count("/") > 2 else "/"
        connection = headers.get("connection", "").lower()
        keep = "keep-alive" in connection if line[3] == b"0" else "close" not in connection
        request = Request(line[1].decode(), target.split("?", 1)[0], keep, headers.get("origin", ""))
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None and (coding.lower() != "chunked" or length is not None):
            raise _RefusedError(400, "Unsupported transfer coding")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise _RefusedError(400, "Malformed Content-Length")
        size = int(length[:19]) if length else 0
        if size > MAX_BODY:
            raise _RefusedError(413, f"Request body is larger than {MAX_BODY} bytes")
        encoding = headers.get("content-encoding", "identity").lower()
        if encoding not in ("identity", "gzip"):
            raise _RefusedError(415, f"Unsupported content encoding: {encoding}")
        if headers.get("expect", "").lower() == "100-continue" and (size or coding):
            self.wants_continue = True
        return _Pending(request, encoding == "gzip", coding is not None, -1 if coding is not None else size)

    def _body(self, pending: _Pending) -> bool:
        if not pending.chunked:
            self._take(pending)
            return pending.left == 0
        while True:
            if self._trailer:
                return self._end_of_trailer()
            if pending.left > 0:
                self._take(pending)
                if pending.left:
                    return False
                pending.left = -2
            if pending.left == -2:  # the line end after a chunk's data
                if len(self._buffer) < 2:
                    return False
                if self._buffer[:2] != b"\r\n":
                    raise _RefusedError(400, "Malformed chunk")
                del self._buffer[:2]
                pending.left = -1
            end = self._buffer.find(b"\r\n")
            if end < 0:
                if len(self._buffer) > MAX_HEAD:
                    raise _RefusedError(400, "Malformed chunk")
                return False
            size = _CHUNK.fullmatch(bytes(self._buffer[:end]))
            if size is None:
                raise _RefusedError(400, "Malformed chunk")
            del self._buffer[: end + 2]
            pending.left = int(size[1], 16)
            if pending.size + pending.left > MAX_BODY:
                raise _RefusedError(413, f"Request body is larger than {MAX_BODY} bytes")
            self._trailer = pending.left == 0

    def _take(self, pending: _Pending) -> None:
        part = bytes(self._buffer[: pending.left])
        if part:
            del self._buffer[: len(part)]
            pending.parts.append(part)
            pending.size += len(part)
            pending.left -= len(part)

    def _end_of_trailer(self) -> bool:
        """Skip trailer fields up to the empty line that ends the request."""
        while (end := self._buffer.find(b"\r\n")) >= 0:
            del self._buffer[: end + 2]
            if end == 0:
                self._trailer = False
                return True
        if len(self._buffer) > MAX_HEAD:
            raise _RefusedError(431, "Trailer is too large")
        return False


def _gunzip(body: bytes) -> bytes:
    """Uncompress, but not past the limit: a small body must not be able to claim all memory."""
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = stream.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise _RefusedError(400, "Request body is not gzip") from None
    if len(plain) > MAX_BODY:
        raise _RefusedError(413, f"Request body is larger than {MAX_BODY} bytes")
    if not stream.eof:
        raise _RefusedError(400, "Request body is not gzip")
    return plain
