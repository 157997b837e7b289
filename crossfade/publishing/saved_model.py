"""Is this folder a SavedModel that can be served? Read without TensorFlow, in milliseconds.

It checks what a broken copy or a wrong folder shows: the graph file, the `serve` tag, a signature, and the variable
files' own names and end mark. It does not run the model.
"""

from pathlib import Path

from google.protobuf.message import DecodeError

from crossfade.errors import InputError
from crossfade.protos import saved_model_pb2

TABLE_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
"""The last eight bytes of a checkpoint's index, an SSTable (tensorflow/core/lib/io/format.h)."""
VARIABLE_OPS = {"VarHandleOp", "VariableV2"}


def check(folder: Path) -> list[str]:
    """Return the names of the signatures of the SavedModel in `folder`.

    Raises InputError where there is none, or it is damaged or cannot be served.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder. Give the folder that holds saved_model.pb.")
    graph = folder / "saved_model.pb"
    if not graph.is_file():
        inner = sorted(path.parent for path in folder.glob("*/saved_model.pb"))
        hint = f"Did you mean {inner[0]}?" if inner else "Export the model with tf.saved_model.save first."
        raise InputError(f"{folder} holds no SavedModel: there is no saved_model.pb in it. {hint}")
    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString(graph.read_bytes())
    except DecodeError:
        raise InputError(
            f"{graph} is corrupt: it is not a SavedModel message. Export or copy the model again."
        ) from None
    served = [graph for graph in model.meta_graphs if "serve" in graph.meta_info_def.tags]
    if not served:
        raise InputError(
            f"{graph} has no graph with the tag `serve`, so a server cannot load it (truncated, or empty?)."
        )
    signatures = sorted(name for name in served[0].signature_def if not name.startswith("__"))
    if not signatures:
        raise InputError(f"{graph} has no signature to serve. Export it with signatures={{'serving_default': …}}.")
    nodes = [*served[0].graph_def.node, *(node for f in served[0].graph_def.library.function for node in f.node_def)]
    if any(node.op in VARIABLE_OPS for node in nodes):
        _check_variables(folder / "variables")
    return signatures


def _check_variables(folder: Path) -> None:
    index = folder / "variables.index"
    if not index.is_file():
        raise InputError(f"{index} is missing, and the model has variables. Export or copy the model again.")
    if not index.read_bytes().endswith(TABLE_MAGIC):
        raise InputError(f"{index} is corrupt: its end mark is missing (truncated?). Export or copy the model again.")
    shards = sorted(folder.glob("variables.data-?????-of-?????"))
    expected = int(shards[0].name[-5:]) if shards else 1
    if len(shards) != expected:
        raise InputError(
            f"{folder} has {len(shards)} of {expected} variables.data files. Export or copy the model again."
        )
