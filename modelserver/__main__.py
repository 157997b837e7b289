"""The command: `python -m modelserver --model_config_file=…`, which images run as /usr/bin/tensorflow_model_server.

Exit codes: 0 after SIGTERM or SIGINT, and for --version and --help; 1 if the server could not start, with the reason
on the last line of stderr, which Kubernetes shows as the pod's termination message; 2 for a command line that cannot
be used.
"""

import asyncio
import gc
import logging
import os
import sys
from importlib import metadata

from modelserver import API_VERSION, STAND_IN
from modelserver.flags import FlagError, Flags, parse, usage


def main(arguments: list[str]) -> int:
    """Run the command; returns its exit code."""
    if "--help" in arguments:
        print(usage())
        return 0
    try:
        flags = parse(arguments)
    except FlagError as error:
        print(usage(), file=sys.stderr)
        print(error, file=sys.stderr)
        return 2
    if flags.version:
        print(f"TensorFlow ModelServer: {API_VERSION} ({STAND_IN})\nTensorFlow Library: {_library_version()}")
        return 0
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s: %(levelname).1s %(name)s] %(message)s"
    )
    logging.getLogger("grpc").setLevel(logging.CRITICAL)  # malformed messages are the client's affair; it gets a status
    return _serve(flags)


def _library_version() -> str:
    for package in ("tensorflow-cpu", "tensorflow"):
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"


def _serve(flags: Flags) -> int:
    logging.getLogger("modelserver").info(
        "This is a %s: its API and flags (%s), not its code; TensorFlow %s", STAND_IN, API_VERSION, _library_version()
    )
    try:
        _start_and_wait(flags)
    except Exception as error:
        print(f"Failed to start server. Error: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        return 1
    return 0


def _start_and_wait(flags: Flags) -> None:
    from modelserver.lean import import_runtime

    import_runtime()
    from modelserver.server import Server  # after the runtime, which decides how TensorFlow is imported

    gc.freeze()  # the libraries' objects live as long as the process: no need for every collection to visit them

    async def run() -> None:
        await Server(flags).run()

    asyncio.run(run())


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: TensorFlow's and gRPC's threads may be in C++ code, and their teardown has nothing left to save.
    os._exit(code)
