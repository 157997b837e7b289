"""`crossfade train mnist`: train one version of the example model. TensorFlow is imported only for real work."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from crossfade import checksums, workspace
from crossfade.console import err, note
from crossfade.errors import InputError

MODELS = ("mnist",)
VERSIONS = {1: "dense", 2: "conv"}


def train(
    model: Annotated[str, typer.Argument(help="The model to train; mnist is the one there is.")],
    version: Annotated[int, typer.Option(help="1: dense network (512 + dropout), 2: small convolutional network.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Where to put the version (default: .crossfade/models/MODEL/VERSION).")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the digits (default: .crossfade/data).")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder of pictures (default: .crossfade/reports/…).")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the digits (default: 8 dense, 10 conv).", min=1, max=1000)
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.", min=0)] = 1,
    force: Annotated[bool, typer.Option("--force", help="Train again though the version is complete.")] = False,
) -> None:
    """Train a version of MNIST on 8,000 real digits and judge it on 2,000 held-out ones (usually under 40 s)."""
    if model not in MODELS:
        raise InputError(f"crossfade train knows the model {', '.join(MODELS)}, not {model!r}.")
    if version not in VERSIONS:
        known = ", ".join(f"{number} ({name})" for number, name in VERSIONS.items())
        raise InputError(f"--version {version}: the versions of {model} are {known}.")
    place = workspace.find()
    target = (out or place.model(model, version)).resolve()
    reports = (report or place.reports / model / str(version)).resolve()
    if not force and finished(target):
        note(f"{target} is complete and its files match their checksums: kept. --force trains it again.")
        return
    if target.exists() and not _ours(target):
        raise InputError(
            f"{target} exists and is not a version made by crossfade train. Give another --out, or remove it."
        )
    _quiet_tensorflow()
    note(f"Training {model} version {version} ({VERSIONS[version]}); usually under 40 s, 10 s of it TensorFlow's start")
    from crossfade.training import digits, networks, run

    job = run.Job(
        model=model,
        version=version,
        epochs=epochs or networks.RECIPES[version].epochs,
        seed=seed,
        out=target,
        report=reports,
    )
    metrics = run.train(job, digits.load((data or place.data).resolve()))
    err.print(
        f"[green]{model} version {version}[/]: {metrics.accuracy:.2%} of {metrics.held_out_digits} held-out digits "
        f"in {metrics.seconds:.0f} s",
    )
    note(f"  model   {target}")
    note(f"  report  {reports}/curves.png, confusion.png, metrics.json")


def finished(folder: Path) -> bool:
    """Whether `folder` is a complete version: it has a SHA256SUMS and its files match it."""
    if not (folder / checksums.NAME).is_file():
        return False
    try:
        checksums.verify(folder)
    except InputError as error:
        note(f"Training again: {error}")
        return False
    return True


def _ours(folder: Path) -> bool:
    """Whether the folder is empty or holds a version that this command made, and may so be replaced."""
    if not folder.is_dir():
        return False
    facts = folder / "assets.extra" / "crossfade.json"
    try:
        return not any(folder.iterdir()) or "network" in json.loads(facts.read_text())
    except (OSError, ValueError):
        return False


def _quiet_tensorflow() -> None:
    """Keep TensorFlow's native start-up lines off the terminal; its Python errors still come through."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # Its kernels are told apart by CPU: without them the same seed gives the same weights on more machines.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
