"""`crossfade load`: a bounded load of held-out digits, with retries off, counted by the version that answered."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from crossfade import workspace
from crossfade.commands.predict import Protocol, parse_headers
from crossfade.console import err, out, table
from crossfade.errors import CrossfadeError
from crossfade.stack import Stack

if TYPE_CHECKING:
    from crossfade.traffic.types import Headers, Result


def load(
    requests: Annotated[int, typer.Option("--requests", "-n", help="How many.", min=1, max=10_000_000)] = 5000,
    concurrency: Annotated[int, typer.Option("--concurrency", "-c", help="Calls at a time.", min=1, max=512)] = 8,
    processes: Annotated[int, typer.Option(help="Processes that send.", min=1, max=64)] = 2,
    server: Annotated[str | None, typer.Option(help="HOST:PORT (default: the stack's gateway).")] = None,
    stack: Annotated[str, typer.Option(help="The stack whose gateway is asked.")] = "dev",
    protocol: Annotated[Protocol, typer.Option(help="Which API.")] = Protocol.grpc,
    model: Annotated[str, typer.Option(help="The model's name; it takes MNIST digits.")] = "mnist",
    header: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, sent along; may be repeated.")] = None,
    deadline: Annotated[float, typer.Option(help="Seconds to wait for an answer.", min=0.001)] = 10.0,
    max_seconds: Annotated[float, typer.Option(help="Stop after this time.", min=0.1, max=86400)] = 300.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send held-out digits in a closed loop and print counts, failures, latency and accuracy by version.

    Ends with exit code 1 when a request failed.
    """
    headers: tuple[Headers, ...] = (parse_headers(header or []),)
    kind = "grpc" if protocol is Protocol.grpc else "rest"
    target = server or Stack(stack).server("grpc" if protocol is Protocol.grpc else "http")
    result = send(
        target,
        kind,
        model=model,
        requests=requests,
        concurrency=concurrency,
        processes=processes,
        headers=headers,
        deadline=deadline,
        max_seconds=max_seconds,
    )
    if as_json:
        out.print_json(json.dumps(result.as_json()))
    else:
        show(result)
    if result.failed:
        raise CrossfadeError(f"{result.failed} of {result.requests} requests failed; nothing was retried.")


def send(
    server: str,
    protocol: "Protocol | str",
    *,
    model: str = "mnist",
    requests: int = 5000,
    concurrency: int = 8,
    processes: int = 2,
    headers: "tuple[Headers, ...]" = ((),),
    deadline: float = 10.0,
    max_seconds: float = 300.0,
) -> "Result":
    """Send `requests` held-out digits to HOST:PORT and return the counts. Raises as `traffic.load.run` does."""
    from crossfade.traffic import load as loader
    from crossfade.traffic.types import Plan
    from crossfade.training import digits

    api = "grpc" if protocol == "grpc" else "rest"
    held_out = digits.load(workspace.find().data).held_out
    count = min(len(held_out), requests)
    plan = Plan(
        server=server,
        protocol=api,
        model=model,
        payloads=loader.payloads(api, model, held_out.images[:count]),
        labels=tuple(int(label) for label in held_out.labels[:count]),
        requests=requests,
        concurrency=concurrency,
        processes=processes,
        headers=headers,
        deadline=deadline,
        max_seconds=max_seconds,
    )
    with err.status(f"sending {requests} requests to {server} over {api}"):
        return loader.run(plan)


def show(result: "Result") -> None:
    """Print a result as a table."""
    rows = table("version", "requests", "share", "accuracy", "p50 ms", "p90 ms", "p99 ms")
    for name, version in result.versions.items():
        rows.add_row(
            name,
            str(version.requests),
            f"{version.requests / max(result.answered, 1):.1%}",
            f"{version.accuracy:.2%}",
            *(f"{value:.2f}" for value in (version.p50, version.p90, version.p99)),
        )
    out.print(rows)
    failures = ", ".join(f"{code}: {count}" for code, count in result.failures.items()) or "none"
    unfinished = "" if result.complete else " (stopped by --max-seconds)"
    out.print(
        f"{result.protocol}: {result.requests} requests in {result.seconds:.1f} s{unfinished}, "
        f"{result.rate:.0f} a second; failures: {failures}",
        soft_wrap=True,
    )
