"""Progress on the terminal for long set-up work.

Prints what runs now and how long it usually takes, then how long it took. Does not draw bars or colours: the
same lines must read well in a terminal and in a CI log.
"""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager


def say(text: str) -> None:
    """Print one progress line at once, even when standard output is a pipe."""
    print(text, flush=True)


def warn(text: str) -> None:
    """Print one warning line to standard error."""
    print(f"warning: {text}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str, *, usually: str = "") -> Generator[None]:
    """Announce a step, and its duration in seconds once it has ended well.

    Args:
        what: the step, as a noun phrase or an imperative.
        usually: how long it takes on a two-core machine, for example ``"4 min"``.
    """
    say(f"==> {what}{f' (usually {usually})' if usually else ''}")
    begin = time.monotonic()
    yield
    say(f"    done in {time.monotonic() - begin:.0f} s")
