"""Assembles container images without a container engine.

Writes an OCI image layout as one tar, which ``ctr images import`` takes. Layers are tars with fixed owners, order
and times, so the same content gives the same digest. Builds nothing and pulls nothing.

Format: OCI Image Format Specification 1.1 (image layout, manifest, config).
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LAYER = "application/vnd.oci.image.layer.v1.tar"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image.

    Attributes:
        name: full reference, ``host/path:tag``.
        layers: layer tars, lowest first.
        entrypoint: command that a container runs.
        user: ``uid`` or ``uid:gid``; empty means root.
        env: environment variables.
        labels: OCI annotations, such as what the image is.
    """

    name: str
    layers: tuple[Path, ...]
    entrypoint: tuple[str, ...] = ()
    user: str = ""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


def write_layer(target: Path, content: Mapping[str, Path]) -> None:
    """Write a layer tar.

    Args:
        target: the tar to write.
        content: path inside the image → file or folder on this machine. A folder is taken with all below it.
    """
    partial = target.with_suffix(".partial")
    with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
        made: set[str] = set()
        for inside, source in sorted(content.items()):
            for parent in reversed(Path(inside.strip("/")).parents):
                if str(parent) not in (".", *made):
                    made.add(str(parent))
                    tar.addfile(_directory(str(parent)))
            tar.add(source, arcname=inside.strip("/") or ".", filter=_normal)
    partial.replace(target)


def write_image(target: Path, image: Image) -> None:
    """Write an OCI layout tar of ``image`` that ``ctr -n k8s.io images import`` accepts."""
    partial = target.with_suffix(".partial")
    with tarfile.open(partial, "w") as tar:
        blobs: set[str] = set()

        def add_bytes(data: bytes) -> tuple[str, int]:
            digest = hashlib.sha256(data).hexdigest()
            if digest not in blobs:
                blobs.add(digest)
                _add(tar, f"blobs/sha256/{digest}", data)
            return f"sha256:{digest}", len(data)

        layers: list[dict[str, Any]] = []
        for path in image.layers:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if digest not in blobs:
                blobs.add(digest)
                info = tarfile.TarInfo(f"blobs/sha256/{digest}")
                info.size = path.stat().st_size
                with path.open("rb") as stream:
                    tar.addfile(info, stream)
            layers.append({"mediaType": _LAYER, "digest": f"sha256:{digest}", "size": path.stat().st_size})
        settings: dict[str, Any] = {"Env": [f"{name}={value}" for name, value in image.env.items()]}
        settings |= {"Entrypoint": list(image.entrypoint), "User": image.user, "Labels": dict(image.labels)}
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": settings,
            # A layer here is not compressed, so its digest is its diff id.
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
        digest, size = add_bytes(json.dumps(config).encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, "digest": digest, "size": size},
            "layers": layers,
        }
        digest, size = add_bytes(json.dumps(manifest).encode())
        entry = {
            "mediaType": _MANIFEST,
            "digest": digest,
            "size": size,
            "platform": {"architecture": "amd64", "os": "linux"},
            "annotations": {"io.containerd.image.name": image.name},
        }
        _add(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode())
        _add(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    partial.replace(target)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _directory(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info


def _normal(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime = 0
    # Files come from a root-owned tree or from the user's checkout; in the image all belong to root, save what
    # debootstrap gave to a system account.
    if info.uid >= 1000:
        info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info
