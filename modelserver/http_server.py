"""HTTP/1.1 on asyncio, as much of it as a model server needs, for `rest`.

Keep-alive, pipelining (answered in order), Content-Length and chunked bodies, gzip request bodies, `Expect:
100-continue`, HEAD, and draining: a request whose first byte has arrived is read, answered and then the connection is
closed. No TLS, no HTTP/2, no upgrade. Written here because the standard library's server takes a thread a connection
and several times the time a request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from modelserver.http_parser import Parser, Refused, Request
from modelserver.rest import Reply

_SERVER = "tensorflow-serving-stand-in"
_REQUEST_SECONDS = (
    60.0  # for the bytes of one request to arrive; an idle connection may stay as long as the client likes
)
_PAUSE_AT = 16  # requests read ahead on one connection before its socket is left alone

Answer = Callable[[str, str, bytes, str], Awaitable[Reply]]


class HttpServer:
    """Listens on a port and answers through `answer(method, path, body, origin)`.

    Create and use it on the event loop.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.connections: set[_Connection] = set()
        self.draining = False
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()

    async def start(self, port: int) -> int:
        """Bind to `port` (0 picks one) on all addresses; returns the port. Raises OSError if it cannot be had."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "0.0.0.0", port, backlog=1024)  # noqa: S104
        return self._server.sockets[0].getsockname()[1]

    async def drain(self) -> None:
        """Take no new connections; return when the requests under way have been answered."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.close_if_idle()
        if self.connections:
            await self._empty.wait()

    def gone(self, connection: "_Connection") -> None:
        """Forget a closed connection."""
        self.connections.discard(connection)
        if self.draining and not self.connections:
            self._empty.set()


class _Connection(asyncio.Protocol):
    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._parser = Parser()
        self._queue: list[Request | Refused] = []
        self._worker: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  create_server gives no other
        self._transport = transport
        self._server.connections.add(self)
        self.close_if_idle()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._stop_timer()
        if self._worker is not None:
            self._worker.cancel()
        self._server.gone(self)

    def data_received(self, data: bytes) -> None:
        self._queue += self._parser.feed(data)
        if self._parser.wants_continue:
            self._parser.wants_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if len(self._queue) >= _PAUSE_AT:
            self._transport.pause_reading()
        self._stop_timer()
        if self._parser.partial:
            self._timer = asyncio.get_running_loop().call_later(_REQUEST_SECONDS, self._transport.abort)
        if self._queue and self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    def close_if_idle(self) -> None:
        """Close now if the server is draining and no request has begun to arrive."""
        if self._server.draining and not self._parser.partial and not self._queue and self._worker is None:
            self._transport.close()

    async def _work(self) -> None:
        while self._queue:
            request = self._queue.pop(0)
            if isinstance(request, Refused):
                reply = Reply(request.status, {"Content-Type": "text/plain"}, request.reason.encode() + b"\n")
                self._send(reply, keep=False, head=False)
                break
            reply = await self._server.answer(request.method, request.path, request.body, request.origin)
            keep = request.keep_alive and not (self._server.draining and not self._queue)
            self._send(reply, keep=keep, head=request.method == "HEAD")
            if not keep:
                break
        else:
            self._worker = None
            self._transport.resume_reading()
            self.close_if_idle()
            return
        self._transport.close()

    def _send(self, reply: Reply, *, keep: bool, head: bool) -> None:
        phrase = (
            HTTPStatus(reply.status).phrase
            if reply.status in HTTPStatus._value2member_map_
            else "Client Closed Request"
        )
        lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in reply.headers.items())]
        lines += [f"Content-Length: {len(reply.body)}", f"Server: {_SERVER}"]
        if not keep:
            lines.append("Connection: close")
        start = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self._transport.write(start if head else start + reply.body)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
