"""Replays a model's own warm-up requests before the version becomes available.

The file is `assets.extra/tf_serving_warmup_requests`, a TFRecord of PredictionLog. Limits, codes and texts follow
TensorFlow Serving's servables/tensorflow/saved_model_warmup_util.cc. MultiInference records are refused, since the
stand-in does not serve that method.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow.python.framework import errors_impl
from tensorflow.python.lib.io import _pywrap_record_io
from tensorflow_serving.apis import classification_pb2, prediction_log_pb2, regression_pb2

from modelserver import examples, predict
from modelserver.metrics import Metrics
from modelserver.servable import Servable
from modelserver.status import Code, ServingError, from_exception, invalid

FILE = Path("assets.extra", "tf_serving_warmup_requests")
MAX_RECORDS = 1000
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """How to replay: times each request runs, and whether signatures' method names are checked."""

    iterations: int = 1
    check_method: bool = False


def run(servable: Servable, path: Path, replay: Replay, metrics: Metrics) -> None:
    """Replay the file of the version at `path`, if it has one. Blocks; call it on the loading thread.

    Raises:
        ServingError: DATA_LOSS if the file is no TFRecord or is cut short; INVALID_ARGUMENT for a record that is no
            PredictionLog and for more than 1,000 records; otherwise what a replayed request met. The load then fails.
    """
    file = path / FILE
    if not file.exists():
        _LOG.info("No warmup data file found at %s", file)
        return
    start, count, outcome = time.perf_counter(), 0, "OK"
    try:
        for log in _read(file):
            for _ in range(replay.iterations):
                _replay(servable, log, check_method=replay.check_method)
            count += 1
            if count > MAX_RECORDS:
                raise invalid(f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {file}")
    except ServingError as error:
        outcome = error.code.name
        raise
    finally:
        metrics.warmup_latency.add(str(path), outcome, micros=(time.perf_counter() - start) * 1e6)
        metrics.warmup_records.add(str(path), outcome, by=count)
    _LOG.info("Finished reading warmup data for model at %s. Number of warmup records read: %d.", file, count)


def _read(file: Path) -> Iterator[prediction_log_pb2.PredictionLog]:
    try:
        records: Iterator[bytes] = _pywrap_record_io.RecordIterator(str(file), "")  # type: ignore[assignment]
        for record in records:
            yield prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError:
        raise invalid(f"Failed to parse warmup record from {file}") from None
    except errors_impl.DataLossError as error:
        raise ServingError(
            Code.DATA_LOSS, f"{error.message}. Please verify your warmup data is in TFRecord format."
        ) from error
    except errors_impl.OpError as error:
        raise from_exception(error) from error


def _replay(servable: Servable, log: prediction_log_pb2.PredictionLog, *, check_method: bool) -> None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        plan = predict.plan(servable, log.predict_log.request, check_method=check_method)
        plan.signature.run_now(plan.feeds, plan.fetches)
    elif kind == "classify_log":
        request = log.classify_log.request
        plan, count = examples.plan(
            servable, examples.CLASSIFY, request.model_spec.signature_name, request.input, check_method=check_method
        )
        outputs = plan.signature.run_now(plan.feeds, plan.fetches)
        examples.fill_classes(classification_pb2.ClassificationResult(), plan.aliases, outputs, count)
    elif kind == "regress_log":
        request = log.regress_log.request
        plan, count = examples.plan(
            servable, examples.REGRESS, request.model_spec.signature_name, request.input, check_method=check_method
        )
        examples.fill_values(regression_pb2.RegressionResult(), plan.signature.run_now(plan.feeds, plan.fetches), count)
    elif kind is not None:
        raise ServingError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")
