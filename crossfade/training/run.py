"""One training run, from digits to a finished folder: train, export, judge the export, report.

The same version, data, epochs and seed give the same weights on the same machine. A folder appears under its name only
when it is complete.
"""

import json
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from crossfade import checksums
from crossfade.console import duration, note
from crossfade.training import digits, export, networks, report

FACTS = Path("assets.extra") / "crossfade.json"
"""The run's facts, kept with the version: where its weights come from. TensorFlow Serving ignores the file."""
WARMUP_DIGITS = 5


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to train and where to put it. `limit` trains and judges on the first n digits only (0: all)."""

    model: str
    version: int
    epochs: int
    seed: int
    out: Path
    report: Path
    limit: int = 0


class _Progress(tf.keras.callbacks.Callback):
    """One line an epoch."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._begun = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ANN401, ARG002 - keras' signature
        self._begun = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ANN401 - keras' signature
        values = logs or {}
        note(
            f"  epoch {epoch + 1}/{self._epochs}: training {values['accuracy']:.1%}, "
            f"held out {values['val_accuracy']:.1%}, {duration(time.monotonic() - self._begun)}"
        )


def train(job: Job, split: digits.Split) -> report.Metrics:
    """Run `job`; replaces `job.out` and writes the report. Returns the numbers."""
    tf.keras.backend.clear_session()  # layer names count on within a process, and end up in the files
    tf.keras.utils.set_random_seed(job.seed)
    tf.config.experimental.enable_op_determinism()
    tf.keras.config.disable_interactive_logging()
    limit = job.limit or len(split.train)
    training, held_out = _first(split.train, limit), _first(split.held_out, job.limit or len(split.held_out))
    recipe = networks.RECIPES[job.version]
    network = networks.build(job.version)
    begun = time.monotonic()
    history = network.fit(
        training.images,
        training.labels,
        batch_size=recipe.batch,
        epochs=job.epochs,
        validation_data=(held_out.images, held_out.labels),
        verbose=0,
        callbacks=[_Progress(job.epochs)],
    ).history
    job.out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=job.out.parent, prefix=f".{job.out.name}-"))
    try:
        temporary.chmod(0o755)
        export.export(network, temporary, model=job.model, warmup=held_out.images[:WARMUP_DIGITS])
        answers = _answers(temporary, held_out)
        metrics = report.Metrics(
            model=job.model,
            version=job.version,
            network=recipe.name,
            seed=job.seed,
            epochs=job.epochs,
            batch=recipe.batch,
            train_digits=len(training),
            held_out_digits=len(held_out),
            data=f"{digits.PACKAGE} {digits.INTEGRITY}",
            seconds=round(time.monotonic() - begun, 1),
            accuracy=float(np.mean(answers == held_out.labels)),
            train_accuracy=history["accuracy"],
            held_out_accuracy=history["val_accuracy"],
            train_loss=history["loss"],
            held_out_loss=history["val_loss"],
            confusion=report.confusion(held_out.labels, answers),
        )
        (temporary / FACTS).write_text(json.dumps(asdict(metrics), indent=2) + "\n")
        (temporary / checksums.NAME).write_bytes(checksums.render(checksums.of_folder(temporary)))
        if job.out.exists():
            shutil.rmtree(job.out)
        temporary.replace(job.out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    report.write(metrics, job.report)
    return metrics


def _first(all_digits: digits.Digits, count: int) -> digits.Digits:
    return digits.Digits(images=all_digits.images[:count], labels=all_digits.labels[:count])


def _answers(folder: Path, held_out: digits.Digits) -> Any:  # noqa: ANN401 - numpy int64 [n], by way of tf
    """Return the exported model's answers: it is what will be served, so it is what is judged."""
    loaded = tf.saved_model.load(str(folder))
    serve = loaded.signatures[export.SIGNATURE]
    return np.concatenate([serve(image=chunk)["classes"].numpy() for chunk in np.array_split(held_out.images, 4)])
