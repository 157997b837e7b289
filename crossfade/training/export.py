"""From a trained network to a SavedModel that TensorFlow Serving loads, with its warm-up requests.

The export is a plain `tf.Module`: neither keras nor this package is needed to load it. It does not train.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from crossfade.protos import predict_pb2, prediction_log_pb2

SIGNATURE = "serving_default"
WARMUP = Path("assets.extra") / "tf_serving_warmup_requests"
"""Where TensorFlow Serving looks for warm-up requests: a TFRecord file of PredictionLog (saved_model_warmup guide)."""


def servable(network: Any) -> Any:  # noqa: ANN401 - keras and tf.Module carry no types
    """Return a module with `serve`: image float32 [n, 28, 28] → probabilities float32 [n, 10], classes int64 [n].

    It holds the network's weights only, not the keras objects: those would be written into the SavedModel as well.
    """

    @tf.function(input_signature=[tf.TensorSpec([None, 28, 28], tf.float32, name="image")])
    def serve(image: Any) -> dict[str, Any]:  # noqa: ANN401 - a symbolic tensor
        probabilities = network(image, training=False)
        return {"probabilities": probabilities, "classes": tf.argmax(probabilities, axis=-1, output_type=tf.int64)}

    module: Any = tf.Module(name="mnist")
    module.weights = [weight.value for weight in network.weights]
    module.serve = serve
    return module


def export(network: Any, folder: Path, *, model: str, warmup: npt.NDArray[np.float32]) -> None:  # noqa: ANN401
    """Write the SavedModel of `network` to `folder`; `warmup` float32 [n, 28, 28] become n warm-up requests of one."""
    module = servable(network)
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE: module.serve})
    path = folder / WARMUP
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image in warmup:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model
            request.model_spec.signature_name = SIGNATURE
            request.inputs["image"].CopyFrom(tf.make_tensor_proto(image[np.newaxis], dtype=tf.float32))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())
