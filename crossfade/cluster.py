"""`crossfade cluster`: the embedded cluster's commands. The work is done in `embedded`."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from crossfade.errors import CrossfadeError

app = typer.Typer(help="The embedded Kubernetes cluster of this machine.", no_args_is_help=True)


@app.callback()
def cluster() -> None:
    """Bring the embedded Kubernetes cluster of this machine up and down."""


@app.command()
def up() -> None:
    """Build what is missing and start the cluster; once it runs, only check it."""
    from embedded import preflight, rootfs, tools
    from embedded.node import cluster as node

    with _told():
        preflight.check()
        tools.build_all()
        rootfs.ensure(rootfs.NODE)
        node.up()


@app.command()
def tools() -> None:
    """Build the pinned tools only: the Pulumi engine, Helm, Kubernetes, Istio and the rest."""
    from embedded import preflight
    from embedded import tools as builder

    with _told():
        preflight.check_build()
        builder.build_all()


@app.command()
def status() -> None:
    """Show whether the cluster runs, what is ready, and what it takes. Exit code 1 when it is not ready."""
    from embedded.node import report

    now = report.status()
    typer.echo(f"node        {'running' if now.running else 'down'}{', ready' if now.ready else ''}")
    typer.echo(f"kubernetes  {now.version or '-'}")
    typer.echo(f"address     {now.address or '-'}")
    typer.echo(f"pods        {now.pods_ready} of {now.pods} ready")
    typer.echo(f"memory      {now.memory_bytes / 2**30:.2f} GiB resident")
    typer.echo(f"disk        {now.disk_bytes / 2**30:.2f} GiB")
    if not now.ready:
        raise typer.Exit(1)


@app.command()
def down(
    delete: Annotated[bool, typer.Option("--delete", help="Delete the cluster's data too; else it is kept.")] = False,
) -> None:
    """Stop the cluster. No process, interface, mount or cgroup of it stays."""
    from embedded.node import cluster as node

    with _told():
        node.down(delete=delete)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="init, kubeadm, kubelet or containerd.")] = "kubelet",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 100,
) -> None:
    """Print the end of one of the node's own logs. Pods' logs are `kubectl logs`."""
    from embedded.node import report

    with _told():
        for line in report.log_file(name).read_text(errors="replace").splitlines()[-lines:]:
            typer.echo(line)


@contextmanager
def _told() -> Generator[None]:
    """Turn the embedded cluster's error into the command line's."""
    from embedded.errors import EmbeddedError

    try:
        yield
    except EmbeddedError as error:
        raise CrossfadeError(str(error)) from error
