"""TensorFlow Serving's messages and stubs, without importing TensorFlow.

`tensorflow_serving.apis` imports its messages from `tensorflow.core`, and so runs the whole of `tensorflow/__init__.py`
(about 8 s). The message modules themselves need only protobuf. While they load, a bare package that knows only where
TensorFlow lies stands in for it (0.3 s); it is taken away afterwards, so that a later `import tensorflow` is the real
one and shares these very message classes. Where TensorFlow is already imported, that one is used.

This module exports messages and stubs only.
"""

import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _bare_tensorflow() -> Iterator[None]:
    if "tensorflow" in sys.modules:
        yield
        return
    spec = importlib.util.find_spec("tensorflow")  # of a top-level name: finds it, runs nothing
    if spec is None or spec.submodule_search_locations is None:
        yield  # the import below then tells that TensorFlow is not installed
        return
    bare = types.ModuleType("tensorflow")
    bare.__path__ = list(spec.submodule_search_locations)
    sys.modules["tensorflow"] = bare
    try:
        yield
    finally:
        # Only ours: another thread may have put the real one there.
        if sys.modules.get("tensorflow") is bare:
            del sys.modules["tensorflow"]


def _module(name: str) -> Any:  # noqa: ANN401 - the generated modules carry no types
    return importlib.import_module(name)


with _bare_tensorflow():
    tensor_pb2 = _module("tensorflow.core.framework.tensor_pb2")
    types_pb2 = _module("tensorflow.core.framework.types_pb2")
    saved_model_pb2 = _module("tensorflow.core.protobuf.saved_model_pb2")
    get_model_metadata_pb2 = _module("tensorflow_serving.apis.get_model_metadata_pb2")
    get_model_status_pb2 = _module("tensorflow_serving.apis.get_model_status_pb2")
    model_pb2 = _module("tensorflow_serving.apis.model_pb2")
    model_service_pb2_grpc = _module("tensorflow_serving.apis.model_service_pb2_grpc")
    predict_pb2 = _module("tensorflow_serving.apis.predict_pb2")
    prediction_log_pb2 = _module("tensorflow_serving.apis.prediction_log_pb2")
    prediction_service_pb2_grpc = _module("tensorflow_serving.apis.prediction_service_pb2_grpc")

__all__ = [
    "get_model_metadata_pb2",
    "get_model_status_pb2",
    "model_pb2",
    "model_service_pb2_grpc",
    "predict_pb2",
    "prediction_log_pb2",
    "prediction_service_pb2_grpc",
    "saved_model_pb2",
    "tensor_pb2",
    "types_pb2",
]
