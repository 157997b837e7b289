"""Names, hosts, labels and paths of the stack file, by the rules of what they name."""

from typing import Annotated, Final

from stacks.types.build import matching

DNS_LABEL_MAX: Final = 63

_LABEL_WHY = (
    "Kubernetes names hold lower-case letters, digits and `-`, and start and end with a letter or digit (DNS-1123)."
)
_NAME_WHY = (
    "Service names hold lower-case letters, digits and `-`, start with a letter and do not end with `-` (DNS-1035)."
)

DnsLabel = Annotated[
    str,
    matching(
        r"[a-z0-9]([-a-z0-9]*[a-z0-9])?",
        "a Kubernetes name",
        f"{_LABEL_WHY[:-1]} and have at most 63 characters.",
        "rename it, for example `my-model`.",
        DNS_LABEL_MAX,
    ),
]
"""DNS-1123 label: namespaces, version keys, containers."""
ServiceName = Annotated[
    str,
    matching(
        r"[a-z]([-a-z0-9]*[a-z0-9])?",
        "a Service name",
        f"{_NAME_WHY[:-1]} and have at most 63 characters.",
        "rename it, for example `my-model`.",
        DNS_LABEL_MAX,
    ),
]
"""DNS-1035 label: models and Services, whose names begin with a letter."""
ObjectName = Annotated[
    str,
    matching(
        r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        "a Kubernetes object name",
        f"{_LABEL_WHY[:-1]}, with dots between the parts.",
        "rename it, for example `my-model`.",
        253,
    ),
]
"""DNS-1123 subdomain: every other object."""
Host = Annotated[
    str,
    matching(
        r"\*|(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        "a host",
        "A host is a lower-case DNS name without a port; `*` or a leading `*.` stands for any.",
        "write for example `mnist.example.com`, `*.example.com` or `*`.",
        253,
    ),
]
BucketName = Annotated[
    str,
    matching(
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "a bucket name",
        "Bucket names have 3 to 63 lower-case letters, digits, `.` or `-`, and start and end with a letter or digit.",
        "rename it, for example `ml-models`.",
    ),
]
ServableName = Annotated[
    str,
    matching(
        r"[A-Za-z0-9_.][A-Za-z0-9_.-]*",
        "a servable name",
        "It is part of the REST path `/v1/models/<name>` and of a folder name.",
        "use letters, digits, `_`, `.` and `-`.",
        128,
    ),
]
HeaderName = Annotated[
    str,
    matching(
        r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?",
        "a header name for a match",
        "Istio matches header names in lower case; letters, digits, `-` and `_` are allowed.",
        "write it in lower case, for example `user-group`.",
        128,
    ),
]
EnvName = Annotated[
    str,
    matching(
        r"[A-Za-z_][A-Za-z0-9_]*",
        "the name of an environment variable",
        "A shell must be able to read it.",
        "use letters, digits and `_`, not starting with a digit.",
    ),
]
SecretKey = Annotated[
    str,
    matching(
        r"[A-Za-z0-9._-]+",
        "a key of a Secret",
        "Kubernetes allows letters, digits, `.`, `_` and `-` in them.",
        "write for example `access_id`.",
        253,
    ),
]
LabelKey = Annotated[
    str,
    matching(
        r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?",
        "a label key",
        "Kubernetes label keys are `name` or `prefix/name`, the name at most 63 characters.",
        "write for example `team` or `example.com/team`.",
    ),
]
LabelValue = Annotated[
    str,
    matching(
        r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?",
        "a label value",
        "Kubernetes label values have at most 63 letters, digits, `-`, `_` or `.`.",
        "shorten it or replace the other characters with `-`.",
    ),
]
AbsolutePath = Annotated[
    str,
    matching(
        r"/|(/(?!\.{1,2}(/|$))[^/\x00-\x1f:]+)+/?",
        "an absolute path",
        "It is mounted into pods, so it cannot depend on a working folder or hold `.` or `..`.",
        "start it with `/`.",
    ),
]
Url = Annotated[
    str,
    matching(
        r"(https?|oci)://[^\s/?#]+[^\s?#]*",
        "a repository address",
        "Helm reads charts from http, https or oci addresses.",
        "write for example `https://istio-release.storage.googleapis.com/charts`.",
    ),
]
Region = Annotated[
    str,
    matching(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", "a region", "S3 clients sign requests with it.", "write `us-east-1`."),
]
ReleaseVersion = Annotated[
    str,
    matching(
        r"\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?",
        "a full version",
        "A pinned version is the same on every machine.",
        "write all three parts in quotes or plain, for example `1.29.1`.",
    ),
]
