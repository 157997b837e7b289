"""A typed client of TensorFlow Serving's two APIs, for models with one numeric input.

    from crossfade.client import GrpcClient

    with GrpcClient("10.89.0.2:31400") as client:
        answer = client.predict("mnist", {"image": images})  # float32 [batch, 28, 28] in 0..1
        answer.outputs["probabilities"]  # float32 [batch, 10]

No call is retried: a caller that retries knows best whether it may. Importing this does not import TensorFlow.
"""

from crossfade.client.grpc_api import GrpcClient
from crossfade.client.rest_api import RestClient
from crossfade.client.types import Prediction

__all__ = ["GrpcClient", "Prediction", "RestClient"]
