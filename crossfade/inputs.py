"""From what a user has to what the mnist model takes: float32 [batch, 28, 28] in 0..1, background 0.

Takes the number of a held-out digit, a picture (PNG or JPEG), a `.npy` file, or JSON. No guessing beyond what the
docstrings say: a value out of range is refused, not scaled.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crossfade.errors import InputError, MissingToolError

SIDE = 28


def from_file(path: Path) -> npt.NDArray[np.float32]:
    """By suffix: .png/.jpg/.jpeg, .npy or .json. Raises InputError where it cannot be used."""
    if not path.is_file():
        raise InputError(f"there is no file {path}. Give --digit N, or a .png, .jpg, .npy or .json file.")
    suffix = path.suffix.lower()
    if suffix in {".png", ".jpg", ".jpeg"}:
        return _picture(path)
    try:
        if suffix == ".npy":
            return shaped(np.load(path, allow_pickle=False), str(path))
        if suffix == ".json":
            return shaped(_json(json.loads(path.read_text()), str(path)), str(path))
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    raise InputError(f"{path}: the suffix {suffix or '(none)'} is not known. Use .png, .jpg, .npy or .json.")


def shaped(values: npt.ArrayLike, source: str) -> npt.NDArray[np.float32]:
    """Numbers in 0..1 as [batch, 28, 28]; takes [784], [28, 28], [n, 784] and [n, 28, 28]."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{source} does not hold numbers in a regular shape.")
    array = array.astype(np.float32)
    if array.shape[-1:] == (SIDE * SIDE,):
        array = array.reshape(*array.shape[:-1], SIDE, SIDE)
    if array.ndim == 2:
        array = array[np.newaxis]
    if array.ndim != 3 or array.shape[1:] != (SIDE, SIDE) or not len(array):
        raise InputError(f"{source} has the shape {list(np.shape(values))}; the model takes [28, 28] or [n, 28, 28].")
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise InputError(
            f"{source} holds values from {array.min():g} to {array.max():g}; the model takes 0..1 (divide by 255?)."
        )
    return array


def _json(document: Any, source: str) -> Any:  # noqa: ANN401 - any JSON
    """Return a bare array, or the one under `instances`, `inputs` or `image`: TensorFlow Serving's own JSON."""
    while isinstance(document, dict):
        key = next((key for key in ("instances", "inputs", "image") if key in document), None)
        if key is None:
            raise InputError(f"{source} has none of the keys instances, inputs or image.")
        document = document[key]
    return document


def _picture(path: Path) -> npt.NDArray[np.float32]:
    """Read a picture as grey 28x28. Dark on light is turned over, as MNIST's digits are light on dark."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MissingToolError("reading pictures needs Pillow: `uv sync`, or give a .npy or .json file.") from None
    try:
        with Image.open(path) as picture:
            grey = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is not a picture that can be read: {error}") from error
    values = np.asarray(grey, dtype=np.float32) / 255.0
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    return ((1.0 - values) if border.mean() > 0.5 else values)[np.newaxis]
