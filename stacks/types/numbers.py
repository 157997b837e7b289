"""Whole numbers of the stack file. None accepts a boolean, a text or a fraction, not even 30.0."""

from typing import Annotated

from stacks.types.build import whole

Weight = Annotated[int, whole("a weight", 0, 100, "A weight is a share of the traffic in whole per cents.")]
"""Share of a model's traffic in whole per cents, 0 to 100."""
Percent = Annotated[int, whole("a per cent", 0, 100, "It is a share of the requests in whole per cents.")]
Port = Annotated[int, whole("a port", 1, 65535, "TCP ports are numbered 1 to 65535.")]
PodPort = Annotated[
    int, whole("a port", 1024, 65535, "The server does not run as root, so it cannot open ports below 1024.")
]
NodePort = Annotated[
    int, whole("a node port", 30000, 32767, "Kubernetes gives node ports from 30000 to 32767 unless told otherwise.")
]
Replicas = Annotated[int, whole("a number of replicas", 0, 1000, "It is how many pods run.")]
Seconds = Annotated[int, whole("a time in seconds", 1, 86400, "Times are whole seconds, at most a day.")]
Drain = Annotated[int, whole("a time in seconds", 0, 3600, "Draining takes whole seconds, at most an hour.")]
Attempts = Annotated[int, whole("a number of retries", 0, 10, "More retries than that multiply an overload.")]
ServableVersion = Annotated[
    int,
    whole("a servable version", 1, 2**63 - 1, "TensorFlow Serving numbers versions with positive 64-bit integers."),
]
Count = Annotated[int, whole("a count", 1, 2**31 - 1, "It counts something of which there is at least one.")]
Micros = Annotated[int, whole("a time in microseconds", 0, 60_000_000, "Batches wait at most a minute.")]
