"""`crossfade publish`: check a SavedModel and upload it as one immutable version."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossfade.console import err, note
from crossfade.errors import InputError, RefusedError

if TYPE_CHECKING:
    from crossfade.publishing.store import Target
    from crossfade.publishing.upload import Outcome


def publish(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The SavedModel's folder.")],
    uri: Annotated[str, typer.Argument(metavar="s3://BUCKET/PATH", help="Where it goes, like s3://ml-models/mnist/3.")],
    stack: Annotated[str, typer.Option(help="The stack whose bucket and writing key are used.")] = "dev",
    endpoint: Annotated[str | None, typer.Option(help="An S3 server's URL; the stack is then not asked.")] = None,
    access_key_env: Annotated[str | None, typer.Option(help="Environment variable with the access key's id.")] = None,
    secret_key_env: Annotated[
        str | None, typer.Option(help="Environment variable with the access key's secret.")
    ] = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Remove what another upload, known to be dead, left there.")
    ] = False,
    keep_existing: Annotated[
        bool, typer.Option("--keep-existing", help="Succeed when these very files are published there already.")
    ] = False,
) -> None:
    """Upload one immutable version of a model. Refuses to overwrite; resumes its own interrupted upload."""
    from crossfade.publishing.store import Target

    target = Target.parse(uri)
    if (access_key_env is None) != (secret_key_env is None):
        raise InputError("--access-key-env and --secret-key-env go together: give both or neither.")
    with _client(target, stack, endpoint, access_key_env, secret_key_env) as client:
        outcome = upload(client, target, folder, take_over=take_over)
    if outcome.already:
        if not keep_existing:
            raise RefusedError(
                f"{target} is already published, with these very files. Nothing was uploaded.\n"
                "--keep-existing makes this a success."
            )
        note(f"{target} is already published, with these very files: kept.")
        return
    note(
        f"Published {target}: {outcome.uploaded} files, {outcome.sent_bytes / 1e6:.1f} MB; "
        f"{outcome.kept} were there already."
    )
    if not outcome.conditional:
        note(
            "This store ignores If-None-Match: it cannot keep two publishers of one path apart. Publish from one place."
        )


def upload(client: Any, target: "Target", folder: Path, *, take_over: bool = False) -> "Outcome":  # noqa: ANN401 - boto3
    """Check `folder` and upload it with a progress bar on stderr."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from crossfade.publishing import saved_model
    from crossfade.publishing.upload import Publisher

    signatures = saved_model.check(folder)
    publisher = Publisher(client, target, folder)
    note(f"{folder}: a SavedModel, signatures {', '.join(signatures)}")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(str(target), total=publisher.size)
        return publisher.publish(take_over=take_over, progress=lambda count: progress.advance(task, count))


@contextmanager
def _client(
    target: "Target", stack: str, endpoint: str | None, id_variable: str | None, secret_variable: str | None
) -> Iterator[Any]:
    from crossfade.publishing import store
    from crossfade.stack import Stack

    keys = store.keys_from_environment(id_variable, secret_variable) if id_variable and secret_variable else None
    if endpoint or keys:
        yield store.connect(endpoint, keys)
    else:
        with store.stack_store(Stack(stack), target) as client:
            yield client
