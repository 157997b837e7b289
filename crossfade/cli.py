"""The entry point of `crossfade`: commands registered, and every error ended in one message and an exit code.

See `crossfade.errors` for the exit codes. Nothing heavy is imported here or at the top of a command's module.
"""

import signal
import sys
from types import FrameType

import typer
from rich.markup import escape

from crossfade.cluster import app as cluster_app
from crossfade.commands.demo import demo
from crossfade.commands.destroy import destroy
from crossfade.commands.env import env
from crossfade.commands.graph import graph
from crossfade.commands.load import load
from crossfade.commands.predict import predict
from crossfade.commands.publish import publish
from crossfade.commands.train import train
from crossfade.console import err, note
from crossfade.errors import CrossfadeError
from embedded.errors import EmbeddedError

INTERRUPTED = 130

app = typer.Typer(
    name="crossfade",
    help="TensorFlow models on Kubernetes with safe, visible traffic shifts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (env, train, publish, predict, load, demo, graph, destroy):
    app.command()(command)
app.add_typer(cluster_app, name="cluster")


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; prints errors, raises none that a user can meet."""
    try:
        # Typer prints its own usage errors (2), and turns Ctrl-C into code 130.
        app(arguments, prog_name="crossfade")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except CrossfadeError as error:
        code = _failed(error.message, error.exit_code)
    except EmbeddedError as error:
        code = _failed(str(error), 1)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        code = _failed(f"{error.strerror or error}{where}", 1)
    if code == INTERRUPTED:
        note("Interrupted. What was finished is kept; run the same command again to go on.")
    return code


def _failed(message: str, code: int) -> int:
    err.print("[bold red]error:[/] " + escape(message), soft_wrap=True)
    return code


def _terminated(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
    sys.exit(128 + number)


def main() -> None:
    """Run the command line of this process."""
    # An exit, not a sudden death: port-forwards and load processes are then ended with us.
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
