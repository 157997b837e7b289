"""Small SavedModels for the model server's tests, made with tf.Module. Each function writes one version folder."""

# ruff: noqa: ANN401  (arrays, JSON values and generated messages have no useful static type here)

from pathlib import Path
from typing import Any

import tensorflow as tf


def _spec(shape: list[int | None], dtype: Any, name: str) -> Any:
    return tf.TensorSpec(shape, dtype, name=name)


def half_plus(path: Path, offset: float) -> None:
    """Y = x / 2 + offset."""

    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.offset = tf.Variable(tf.constant(offset), name="offset")

        @tf.function(input_signature=[_spec([None], tf.float32, "x")])
        def run(self, x: Any) -> dict[str, Any]:
            return {"y": x / 2 + self.offset}

    model = Model()
    tf.saved_model.save(model, str(path), signatures=model.run)


def many(path: Path) -> None:
    """Write one signature for each kind of request; `serving_default` multiplies [batch, 3] by a matrix."""
    words = path.parent / "words.txt"
    words.write_text("zero\none\n")

    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = tf.Variable(tf.constant([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), name="weights")
            self.table = tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(
                    str(words),
                    tf.int64,
                    tf.lookup.TextFileIndex.LINE_NUMBER,
                    tf.string,
                    tf.lookup.TextFileIndex.WHOLE_LINE,
                ),
                default_value="?",
            )

        @tf.function(input_signature=[_spec([None, 3], tf.float32, "m")])
        def matrix(self, m: Any) -> dict[str, Any]:
            scores = m @ self.weights
            return {"scores": scores, "best": tf.argmax(scores, -1)}

        @tf.function(input_signature=[_spec([None], tf.float32, "a"), _spec([None, 2], tf.int64, "b")])
        def two(self, a: Any, b: Any) -> dict[str, Any]:
            return {"sum": a + tf.cast(tf.reduce_sum(b, -1), tf.float32)}

        @tf.function(input_signature=[_spec([None], tf.string, "s")])
        def strings(self, s: Any) -> dict[str, Any]:
            return {"echo": s, "echo_bytes": s, "long": tf.strings.length(s) > 3}

        @tf.function(input_signature=[_spec([], tf.float64, "x")])
        def scalar(self, x: Any) -> dict[str, Any]:
            return {"y": x}

        @tf.function(input_signature=[_spec([None], tf.int64, "n")])
        def word(self, n: Any) -> dict[str, Any]:
            return {"word": self.table.lookup(n)}

        @tf.function(input_signature=[_spec([None], tf.int32, "n"), _spec([None], tf.uint8, "u")])
        def whole(self, n: Any, u: Any) -> dict[str, Any]:
            return {"n": n, "u": u, "half": tf.cast(n, tf.float16)}

        @tf.function(input_signature=[_spec([None], tf.string, "inputs")])
        def classify(self, inputs: Any) -> dict[str, Any]:
            x: Any = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
            labels = tf.where(tf.stack([x < 0, x < 0], 1), "", [["low", "high"]])
            return {"classes": labels, "scores": tf.stack([1 - x, x], 1)}

        @tf.function(input_signature=[_spec([None], tf.string, "inputs")])
        def regress(self, inputs: Any) -> dict[str, Any]:
            x: Any = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
            return {"outputs": x * 2}

        @tf.function(input_signature=[_spec([None], tf.int64, "n")])
        def slow(self, n: Any) -> dict[str, Any]:
            steps = tf.while_loop(lambda i: i < n[0], lambda i: (i + 1,), [tf.constant(0, tf.int64)])
            return {"steps": steps[0] + tf.zeros_like(n)}

    model = Model()
    names = ["two", "strings", "scalar", "word", "whole", "classify", "regress", "slow"]
    signatures = {"serving_default": model.matrix, **{name: getattr(model, name) for name in names}}
    tf.saved_model.save(model, str(path), signatures=signatures)


def write_warmup(path: Path, records: list[bytes]) -> None:
    """Write the warm-up file of the version at `path`."""
    file = path / "assets.extra" / "tf_serving_warmup_requests"
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in records:
            writer.write(record)
