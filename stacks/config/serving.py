"""`crossfade:serving`: what all model servers share. A version may override image, resources and environment."""

from typing import Annotated, Literal

from pydantic import Field

from stacks.config.base import Amounts, Resources, Section
from stacks.types import (
    Attempts,
    Count,
    DnsLabel,
    Drain,
    EnvName,
    ImageRef,
    LabelKey,
    LabelValue,
    Micros,
    ObjectName,
    PodPort,
    Seconds,
)


class Batching(Section):
    """TensorFlow Serving's request batching (its --batching_parameters_file)."""

    max_batch_size: Count = 32
    """Most examples in one batch."""
    batch_timeout_micros: Micros = 1000
    """Longest wait for a batch to fill, in microseconds."""
    max_enqueued_batches: Count = 100
    """Batches that may wait; more requests than that are refused."""
    num_batch_threads: Count = 2
    """Batches worked on at the same time."""
    allowed_batch_sizes: Annotated[tuple[Count, ...], Field(strict=False)] = ()
    """Sizes to pad batches to, rising, the last one equal to maxBatchSize. Empty: no padding."""
    pad_variable_length_inputs: bool = False
    """Pad inputs of different length to the longest one in the batch."""


class Serving(Section):
    """What all model servers share."""

    namespace: DnsLabel = "serving"
    """Namespace of the model servers."""
    create_namespace: bool = True
    """Make the namespace. false: it is there already, with the mesh's injection label."""
    image: ImageRef = "tensorflow/serving:2.19.1"
    """Image of the model server. It must hold /usr/bin/tensorflow_model_server."""
    loader_image: ImageRef = "rclone/rclone:1.75.1"
    """Image of the init container that copies a version from the bucket. It must hold rclone."""
    image_pull_secrets: Annotated[tuple[ObjectName, ...], Field(strict=False)] = ()
    """Secrets in the namespace with which the images are pulled."""
    grpc_port: PodPort = 8500
    """gRPC port of the servers and their Services."""
    http_port: PodPort = 8501
    """REST port of the servers and their Services."""
    resources: Resources = Resources(requests=Amounts(cpu="100m", memory="256Mi"), limits=Amounts(memory="1Gi"))
    """Resources of a model server. What is given replaces the default as a whole."""
    env: dict[EnvName, str] = Field(default={"TF_CPP_MIN_LOG_LEVEL": "1"})
    """Environment variables of the model servers."""
    drain_seconds: Drain = 15
    """Time a stopping server goes on serving, until every proxy has heard of it."""
    request_timeout_seconds: Seconds = 30
    """Longest time for one request; the gateway gives up after it."""
    startup_seconds: Seconds = 300
    """Longest time for copying and loading a version."""
    retries: Attempts = 2
    """Times the gateway tries again when a request never reached a server. Requests that did are not replayed."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict[str, str])
    """Labels for every object of the model servers."""
    pod_security: Literal["restricted", "baseline", "privileged"] = "restricted"
    """Pod security standard that the namespace enforces."""
