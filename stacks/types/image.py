"""Image references that stay the same image."""

import re
from typing import Annotated

from pydantic import AfterValidator

from stacks.types.build import reject, show

_DIGEST = r"@sha256:[0-9a-f]{64}"
_IMAGE = re.compile(
    r"(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    rf"(?P<tag>:\w[\w.-]{{0,127}})?(?P<digest>{_DIGEST})?",
    re.ASCII,
)


def _image(value: str) -> str:
    found = _IMAGE.fullmatch(value)
    if found is None:
        raise reject(
            f"{show(value)} is not an image reference.",
            "An image is `[host/]name:tag`, lower-case but for the tag.",
            "write for example `tensorflow/serving:2.19.1`.",
        )
    if found["tag"] is None and found["digest"] is None:
        raise reject(
            f"{show(value)} has no tag.",
            "Without one the cluster pulls `latest`, which changes under a running version.",
            f"add one, for example `{value}:2.19.1`, or a digest.",
        )
    if found["tag"] == ":latest" and found["digest"] is None:
        raise reject(
            f"{show(value)} has the tag `latest`.",
            "It names another image tomorrow, so two pods of one version could differ.",
            "use the release's own tag or a digest.",
        )
    return value


ImageRef = Annotated[str, AfterValidator(_image)]
"""Image reference with a tag other than `latest`, or a digest."""
