"""`crossfade:cluster`: where the program deploys to. Makes no cluster itself; that is the component's work."""

from typing import Annotated, Literal, TypeAlias

from pydantic import StringConstraints

from stacks.config.base import Section

Text = Annotated[str, StringConstraints(min_length=1)]


class ExistingCluster(Section):
    """A cluster that is already there.

    With neither `kubeconfig` nor the secret `crossfade:kubeconfig`, kubectl's own rules hold: KUBECONFIG, then
    ~/.kube/config.
    """

    kind: Literal["existing"]
    """`existing`: a cluster that is already there."""
    kubeconfig: Text | None = None
    """Path of a kubeconfig file, from the project folder. Left out: the secret `crossfade:kubeconfig` (its
    content, set with `pulumi config set --secret`), else KUBECONFIG, else ~/.kube/config."""
    context: Text | None = None
    """Context in the kubeconfig. Left out: its current one."""


ClusterConfig: TypeAlias = ExistingCluster
"""Every kind of cluster. A new kind joins this alias: a union with `kind` as its discriminator."""
