"""Where text goes: results to stdout, progress and errors to stderr, so that results can be piped.

`Steps` numbers the stages of a long job and says how long each usually takes. It does not decide what runs.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def note(text: str) -> None:
    """Print one line of progress to stderr; `text` is taken literally."""
    err.print(escape(text), soft_wrap=True)


def table(*headings: str) -> Table:
    """Return an empty table, narrow enough that nine columns fit a terminal of 80."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for heading in headings:
        made.add_column(heading, justify="left" if heading in {"api", "version"} else "right", no_wrap=True)
    return made


class Steps:
    """Numbered stages of a job, one line at the start and one at the end of each."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.current = 0
        self.started = time.monotonic()

    @contextmanager
    def step(self, what: str, usually: str) -> Iterator[None]:
        """Announce `what` and how long it `usually` takes; report the time it took. Silent about a failure."""
        self.current += 1
        label = f"[bold cyan][{self.current}/{self.total}][/]".replace(
            "[" + str(self.current), r"\[" + str(self.current)
        )
        err.print(f"{label} {escape(what)} [dim](usually {escape(usually)})[/]", soft_wrap=True)
        begun = time.monotonic()
        yield
        err.print(f"{label} [green]done[/] [dim]in {duration(time.monotonic() - begun)}[/]", soft_wrap=True)

    def elapsed(self) -> str:
        """Time since the job began, for a person."""
        return duration(time.monotonic() - self.started)


def duration(seconds: float) -> str:
    """`seconds` for a person: `0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
