"""What a training run leaves for people: learning curves, a confusion matrix, and the numbers as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

mpl.use("Agg")  # files only: there may be no display
import matplotlib.pyplot as plt

BLUE, ORANGE, GREY = "#2563a8", "#d9730d", "#6b7280"


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The numbers of one run. Accuracies and losses by epoch; accuracies are shares in 0..1."""

    model: str
    version: int
    network: str
    seed: int
    epochs: int
    batch: int
    train_digits: int
    held_out_digits: int
    data: str
    """The training data's package and hash."""
    seconds: float
    accuracy: float
    """On the held-out digits, by the exported model."""
    train_accuracy: list[float]
    held_out_accuracy: list[float]
    train_loss: list[float]
    held_out_loss: list[float]
    confusion: list[list[int]]
    """[true class][answered class], counts over the held-out digits."""


def confusion(labels: npt.NDArray[np.int64], answers: npt.NDArray[np.int64], classes: int = 10) -> list[list[int]]:
    """Count answers [classes][classes]: row is the true class, column the answer."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (labels, answers), 1)
    return [[int(count) for count in row] for row in matrix]


def write(metrics: Metrics, folder: Path) -> list[Path]:
    """Write `metrics.json`, `curves.png` and `confusion.png` to `folder`; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = folder / "metrics.json"
    numbers.write_text(json.dumps(asdict(metrics), indent=2) + "\n")
    curves, matrix = folder / "curves.png", folder / "confusion.png"
    _curves(metrics, curves)
    _matrix(metrics, matrix)
    return [numbers, curves, matrix]


def _title(metrics: Metrics) -> str:
    return f"{metrics.model} version {metrics.version} ({metrics.network})"


def _curves(metrics: Metrics, path: Path) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    epochs = range(1, metrics.epochs + 1)
    pairs = (
        (axes[0], "accuracy, per cent", 100.0, metrics.train_accuracy, metrics.held_out_accuracy),
        (axes[1], "loss (cross-entropy)", 1.0, metrics.train_loss, metrics.held_out_loss),
    )
    for axis, label, scale, train, held_out in pairs:
        axis.plot(epochs, np.array(train) * scale, color=GREY, marker="o", markersize=4, label="training")
        axis.plot(epochs, np.array(held_out) * scale, color=BLUE, marker="o", markersize=4, label="held out")
        axis.set_xlabel("epoch")
        axis.set_ylabel(label)
        axis.set_xticks(list(epochs))
        axis.grid(visible=True, alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False)
    figure.suptitle(
        f"{_title(metrics)}: {metrics.accuracy:.2%} of {metrics.held_out_digits} held-out digits, "
        f"trained on {metrics.train_digits}"
    )
    figure.savefig(path, dpi=144)
    plt.close(figure)


def _matrix(metrics: Metrics, path: Path) -> None:
    counts = np.array(metrics.confusion)
    figure, axis = plt.subplots(figsize=(6.2, 5.6), layout="constrained")
    # Shares of each row, so that classes of different size compare; errors are few, hence the square root.
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
    for row in range(counts.shape[0]):
        for column in range(counts.shape[1]):
            if count := counts[row, column]:
                dark = shares[row, column] > 0.3
                axis.text(
                    column, row, str(count), ha="center", va="center", fontsize=8, color="white" if dark else "black"
                )
    axis.set_xticks(range(counts.shape[1]))
    axis.set_yticks(range(counts.shape[0]))
    axis.set_xlabel("answer")
    axis.set_ylabel("true digit")
    axis.set_title(
        f"{_title(metrics)}: {int(np.trace(counts))} of {int(counts.sum())} held-out digits right", fontsize=11
    )
    figure.savefig(path, dpi=144)
    plt.close(figure)
