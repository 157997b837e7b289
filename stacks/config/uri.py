"""Model uris: `s3://<bucket>/<path>`, normalised so that two spellings of one place compare equal."""

import re
from dataclasses import dataclass

from stacks.config.models import Version

_URI = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<bucket>[^/]*)(?P<path>/.*)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ModelUri:
    """A place in a store. `path` has neither leading, trailing nor doubled slashes."""

    scheme: str
    bucket: str
    path: str

    @property
    def servable_version(self) -> int | None:
        """Number that the last part of the path is, if it is one."""
        last = self.path.rpartition("/")[2]
        return int(last) if last.isascii() and last.isdecimal() and 0 < int(last) < 2**63 else None


def parse_uri(text: str) -> ModelUri | None:
    """Take a uri apart; None when the text is not `scheme://bucket/path`."""
    found = _URI.fullmatch(text)
    if found is None:
        return None
    path = "/".join(part for part in (found["path"] or "").split("/") if part)
    return ModelUri(scheme=found["scheme"], bucket=found["bucket"], path=path)


def servable_version(version: Version) -> int:
    """Return a version's number in TensorFlow Serving: the key `version`, the uri's last part, else 1."""
    uri = parse_uri(version.uri)
    return version.version or (uri.servable_version if uri else None) or 1
