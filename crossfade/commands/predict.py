"""`crossfade predict`: one prediction through the gateway, or any TensorFlow Serving, over gRPC or REST."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossfade import workspace
from crossfade.console import out, table
from crossfade.errors import InputError, ServerError
from crossfade.stack import Stack

if TYPE_CHECKING:
    from crossfade.client import Prediction


class Protocol(StrEnum):
    """TensorFlow Serving's two APIs."""

    grpc = "grpc"
    rest = "rest"


def predict(
    file: Annotated[Path | None, typer.Argument(help="A .png, .jpg, .npy or .json file with the input.")] = None,
    digit: Annotated[
        int | None, typer.Option(help="In place of a file: the number of a held-out MNIST digit.", min=0)
    ] = None,
    server: Annotated[str | None, typer.Option(help="HOST:PORT (default: the stack's gateway).")] = None,
    stack: Annotated[str, typer.Option(help="The stack whose gateway is asked.")] = "dev",
    protocol: Annotated[Protocol, typer.Option(help="Which API.")] = Protocol.grpc,
    model: Annotated[str, typer.Option(help="The model's name.")] = "mnist",
    version: Annotated[
        int | None, typer.Option(help="Ask for one servable version; past the split's choice.", min=0)
    ] = None,
    signature: Annotated[str, typer.Option(help="The signature.")] = "serving_default",
    header: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, sent along; may be repeated.")] = None,
    deadline: Annotated[float, typer.Option(help="Seconds to wait for the answer.", min=0.001)] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send one input and print the answer: label, probability, model, version and signature."""
    import numpy as np

    from crossfade import inputs
    from crossfade.client import GrpcClient, RestClient

    if (file is None) == (digit is None):
        raise InputError("give either a file or --digit N.")
    headers = parse_headers(header or [])
    truth: int | None = None
    if digit is not None:
        image, truth = _held_out(digit)
    else:
        image = inputs.from_file(file or Path())
    target = server or Stack(stack).server("grpc" if protocol is Protocol.grpc else "http")
    kind = GrpcClient if protocol is Protocol.grpc else RestClient
    with kind(target, deadline=deadline, headers=headers) as client:
        answer = client.predict(model, {"image": image}, signature=signature, version=version)
    probabilities = answer.outputs.get("probabilities")
    if probabilities is None or probabilities.ndim != 2 or len(probabilities) != len(image):
        raise ServerError(
            f"{target}: the answer has no `probabilities` [batch, classes]; it has {sorted(answer.outputs)}."
        )
    labels = np.argmax(probabilities, axis=-1)
    rows = [
        {"label": int(label), "probability": round(float(row[label]), 4)}
        for label, row in zip(labels, probabilities, strict=True)
    ]
    facts = _facts(answer, target, protocol)
    if truth is not None:
        facts["true label"] = truth
    if as_json:
        out.print_json(
            json.dumps({"predictions": rows, **{key.replace(" ", "_"): value for key, value in facts.items()}})
        )
    else:
        _print(rows, facts)


def parse_headers(texts: list[str]) -> tuple[tuple[str, str], ...]:
    """NAME=VALUE pairs. Raises InputError for what no header can be."""
    pairs: list[tuple[str, str]] = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
            raise InputError(f"--header {text!r}: write NAME=VALUE, like user-group=canary.")
        if not value.isascii() or not value.isprintable():
            raise InputError(f"--header {name}: the value may hold printable ASCII characters only.")
        pairs.append((name.lower(), value))
    return tuple(pairs)


def _held_out(number: int) -> tuple[Any, int]:
    from crossfade.training import digits

    held_out = digits.load(workspace.find().data).held_out
    if number >= len(held_out):
        raise InputError(f"--digit {number}: the held-out digits are numbered 0 to {len(held_out) - 1}.")
    return held_out.images[number : number + 1], int(held_out.labels[number])


def _facts(answer: "Prediction", target: str, protocol: Protocol) -> dict[str, Any]:
    return {
        "model": answer.model,
        "version": answer.version,
        "route": answer.route,
        "signature": answer.signature,
        "server": target,
        "protocol": str(protocol),
        "milliseconds": round(answer.seconds * 1000, 2),
    }


def _print(rows: list[dict[str, Any]], facts: dict[str, Any]) -> None:
    printed = table("", "label", "probability")
    for number, row in enumerate(rows):
        printed.add_row(str(number), str(row["label"]), f"{row['probability']:.2%}")
    out.print(printed)
    for name, value in facts.items():
        if value is not None:
            out.print(f"[dim]{name:<13}[/] {value}", soft_wrap=True)
