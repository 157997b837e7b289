"""Start the plugin: `python -m embedded.plugin ENGINE_ADDRESS`. Prints its port and serves until the engine ends it."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from concurrent import futures

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from embedded.plugin.engine import Engine
from embedded.plugin.provider import Provider

_THREADS = 64  # the engine calls in parallel, and a call may wait for minutes
_MESSAGE_BYTES = 400 * 1024 * 1024  # as the engine's own limit
_GRACE_SECONDS = 10
_ORPHAN_SECONDS = 2.0


def main(arguments: list[str]) -> int:
    """Serve until told to stop, or until the engine that started it is gone."""
    address = arguments[0] if arguments and not arguments[0].startswith("-") else ""
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=options)
    provider = Provider(Engine(address))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # The engine has its answer; the Kubernetes client, which takes seconds to import, is loaded before the first call.
    threading.Thread(target=importlib.import_module, args=("embedded.plugin.api",), daemon=True).start()
    parent = os.getppid()
    while not stop.wait(_ORPHAN_SECONDS):
        if os.getppid() != parent:
            break
    provider.Cancel(empty_pb2.Empty(), None)  # type: ignore[arg-type] - it uses no context
    server.stop(_GRACE_SECONDS).wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
