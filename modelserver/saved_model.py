"""Loads a SavedModel into a TensorFlow session and runs it.

It does what TensorFlow's C++ loader does, step by step (read saved_model.pb, pick the graph by tags, import it,
restore the variables, run the initialiser with the asset paths), because that is what TensorFlow Serving runs: the
same session runtime, so the same numerical results and the same error texts. `tf.saved_model.load` would rebuild
Python functions around it, at several times the cost of a call. Private modules of TensorFlow are used on purpose;
the dependency is pinned and tests/unit/modelserver runs each of these calls.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, saved_model_pb2
from tensorflow.python.client import pywrap_tf_session as c_api
from tensorflow.python.client import session as tf_session
from tensorflow.python.framework import importer, ops

from modelserver.metrics import Metrics
from modelserver.status import Code, ServingError, from_exception
from modelserver.tensors import Array

_INIT_OP = "__saved_model_init_op"
_CALLER_THREAD = -1


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """Threads of the runtime (0 is automatic) and the tags of the graph to load."""

    intra_op_threads: int = 0
    inter_op_threads: int = 0
    tags: tuple[str, ...] = ("serve",)


class Bundle:
    """One loaded version: its graph description and a session to run it. Safe for concurrent `run` calls."""

    def __init__(self, path: Path, options: SessionOptions) -> None:
        """Load the version at `path`; raises what `load` documents, as TensorFlow's own exceptions."""
        self.path = path
        self.meta_graph = _read_meta_graph(path, options.tags)
        self._graph: Any = ops.Graph()
        with self._graph.as_default():
            importer.import_graph_def(self.meta_graph.graph_def, name="")
        config = config_pb2.ConfigProto(
            intra_op_parallelism_threads=options.intra_op_threads,
            inter_op_parallelism_threads=options.inter_op_threads,
            use_per_session_threads=False,
        )
        self._session: Any = tf_session.Session(graph=self._graph, config=config)
        # On one inter-op thread the caller's own thread runs the graph: no hand-over, which is most of a small
        # model's time.
        pool = _CALLER_THREAD if options.inter_op_threads <= 1 else 0
        run_options = config_pb2.RunOptions(inter_op_thread_pool=pool)
        self._run_options = c_api.TF_NewBufferFromString(run_options.SerializeToString())
        self._tensors: dict[str, Any] = {}
        self._restore()
        self._initialise()
        # The graph is in the session now. Its description can be as large as the constants in it.
        self.meta_graph.ClearField("graph_def")
        self.meta_graph.ClearField("object_graph_def")

    def run(self, feeds: dict[str, Array], fetches: Sequence[str]) -> list[Any]:
        """Run the graph: tensor names (`image:0`) to arrays in, arrays in the order of `fetches` out.

        Raises:
            tensorflow.errors.OpError: wrong dtype or shape for the graph, or an operation failed; the text is the C++
            runtime's.
        """
        inputs = {self._tensor(name): value for name, value in feeds.items()}
        outputs = [self._tensor(name) for name in fetches]
        return self._session._call_tf_sessionrun(self._run_options, inputs, outputs, [], None)

    def close(self) -> None:
        """Free the session. No `run` may be under way."""
        self._session.close()

    def _tensor(self, name: str) -> Any:  # noqa: ANN401  TensorFlow's C handle
        found = self._tensors.get(name)
        if found is None:
            found = self._tensors[name] = self._graph.get_tensor_by_name(name)._as_tf_output()
        return found

    def _restore(self) -> None:
        saver = self.meta_graph.saver_def
        if saver.restore_op_name and (self.path / "variables" / "variables.index").exists():
            prefix = str(self.path / "variables" / "variables")
            self._run_operation(saver.restore_op_name, {saver.filename_tensor_name: prefix, **self._assets()})

    def _initialise(self) -> None:
        """Run the initialiser, under whichever of its three names the exporter's age gave it."""
        operation = ""
        if _INIT_OP in self.meta_graph.signature_def:
            operation = self.meta_graph.signature_def[_INIT_OP].outputs[_INIT_OP].name
        for key in ("saved_model_main_op", "legacy_init_op"):
            if not operation and key in self.meta_graph.collection_def:
                operation = self.meta_graph.collection_def[key].node_list.value[0]
        if operation:
            self._run_operation(operation, self._assets())

    def _run_operation(self, name: str, paths: dict[str, str]) -> None:
        """Run an operation (`NoOp`, or one that gives a tensor, `Restore:0`) for its effect, fed with file paths."""
        operation = self._graph.get_operation_by_name(name.split(":")[0])
        feeds = {self._tensor(tensor): np.array(path.encode(), np.object_) for tensor, path in paths.items()}
        # Not Session.run, which would put Python's words around the runtime's.
        self._session._call_tf_sessionrun(None, feeds, [], [operation._c_op], None)

    def _assets(self) -> dict[str, str]:
        files = self.meta_graph.asset_file_def
        return {file.tensor_info.name: str(self.path / "assets" / file.filename) for file in files}


def _read_meta_graph(path: Path, tags: tuple[str, ...]) -> meta_graph_pb2.MetaGraphDef:
    file = path / "saved_model.pb"
    if not file.is_file():
        raise ServingError(
            Code.NOT_FOUND,
            f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {path}. Check that the "
            "directory exists "
            "and that you have the right permissions for accessing it.",
        )
    saved_model = saved_model_pb2.SavedModel()
    try:
        saved_model.ParseFromString(file.read_bytes())
    except DecodeError:
        raise ServingError(Code.DATA_LOSS, f"Can't parse {file} as binary proto") from None
    except OSError as error:
        raise ServingError(Code.PERMISSION_DENIED, f"{file}; {error.strerror}") from error
    for meta_graph in saved_model.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == set(tags):
            return meta_graph
    raise ServingError(
        Code.NOT_FOUND,
        f"Could not find meta graph def matching supplied tags: {{ {' '.join(tags)} }}. To inspect available "
        "tag-sets in the "
        "SavedModel, please use the SavedModel CLI: `saved_model_cli`",
    )


def load(path: Path, options: SessionOptions, metrics: Metrics) -> Bundle:
    """Load a version and count the attempt.

    Raises:
        ServingError: NOT_FOUND without saved_model.pb or without a graph of these tags; DATA_LOSS if the file is
            damaged; else the code and text of whichever TensorFlow operation failed while restoring.
    """
    start = time.perf_counter()
    try:
        bundle = Bundle(path, options)
    except Exception as error:
        metrics.load_attempts.add(str(path), "fail")
        raise from_exception(error) from error
    metrics.load_attempts.add(str(path), "success")
    metrics.load_latency.add(str(path), by=int((time.perf_counter() - start) * 1e6))
    return bundle
