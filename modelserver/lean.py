"""Imports the TensorFlow runtime without the rest of the Python package.

`import tensorflow` also imports Keras, datasets, estimators and their dependencies: about 5 s and 150 MB that a
server never uses. A bare package object in its place lets the parts that are used (session, graph import, protos) be
imported on their own: 1.5 s, and 110 MB of private memory; the rest of the resident set is the shared library, which
pods of one node share.

Only the command (`python -m modelserver`) calls this. Inside a process that already holds TensorFlow nothing is
changed.
"""

import contextlib
import importlib
import importlib.util
import os
import sys
import types
from collections.abc import Iterator

RUNTIME_PARTS = (
    "tensorflow.python.client.session",
    "tensorflow.python.framework.importer",
    "tensorflow.python.framework.errors_impl",
)


def import_runtime() -> None:
    """Import the parts of TensorFlow that the server runs on.

    Raises:
        ImportError: TensorFlow is not installed, or its shared library does not load on this machine.
    """
    # TensorFlow logs through C++ to stderr. Level 2 keeps errors only; the server has log lines of its own.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if "tensorflow" not in sys.modules:
        spec = importlib.util.find_spec("tensorflow")
        if spec is None or spec.submodule_search_locations is None:
            raise ImportError("TensorFlow is not installed in this Python environment")
        package = types.ModuleType("tensorflow")
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules["tensorflow"] = package
    with _quiet_stderr():
        for name in RUNTIME_PARTS:
            importlib.import_module(name)


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back what C++ writes to descriptor 2; show it after all if the block fails.

    The library reports its CPU settings before any log level applies, so the descriptor is the only place to stop it.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    held = os.memfd_create("stderr")
    os.dup2(held, 2)
    try:
        yield
    except BaseException:
        os.lseek(held, 0, os.SEEK_SET)
        while chunk := os.read(held, 65536):
            os.write(saved, chunk)
        raise
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(held)
