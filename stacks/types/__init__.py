"""Scalars of the stack file: named, annotated types that reject bad values with the reason and the fix.

Each type is a plain `str` or `int` at run time. Rules that need more than one value (weights that sum to 100, names
that collide) are in `stacks.config.rules`. Nothing here reads files, the network or Pulumi.
"""

from stacks.types.build import PROBLEM, reject, show
from stacks.types.image import ImageRef
from stacks.types.names import (
    DNS_LABEL_MAX,
    AbsolutePath,
    BucketName,
    DnsLabel,
    EnvName,
    HeaderName,
    Host,
    LabelKey,
    LabelValue,
    ObjectName,
    Region,
    ReleaseVersion,
    SecretKey,
    ServableName,
    ServiceName,
    Url,
)
from stacks.types.numbers import (
    Attempts,
    Count,
    Drain,
    Micros,
    NodePort,
    Percent,
    PodPort,
    Port,
    Replicas,
    Seconds,
    ServableVersion,
    Weight,
)
from stacks.types.quantity import Quantity, quantity_value

__all__ = [
    "DNS_LABEL_MAX",
    "PROBLEM",
    "AbsolutePath",
    "Attempts",
    "BucketName",
    "Count",
    "DnsLabel",
    "Drain",
    "EnvName",
    "HeaderName",
    "Host",
    "ImageRef",
    "LabelKey",
    "LabelValue",
    "Micros",
    "NodePort",
    "ObjectName",
    "Percent",
    "PodPort",
    "Port",
    "Quantity",
    "Region",
    "ReleaseVersion",
    "Replicas",
    "Seconds",
    "SecretKey",
    "ServableName",
    "ServableVersion",
    "ServiceName",
    "Url",
    "Weight",
    "quantity_value",
    "reject",
    "show",
]
