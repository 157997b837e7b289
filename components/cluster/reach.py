"""Does a cluster answer at the kubeconfig. Asked once, before anything is changed.

Asks for the API server's version, nothing else. Checks no rights and no capacity.
"""

import importlib
import json
import re
from typing import Any, Final

from components.cluster.kubeconfig import Access, KubeconfigError

TIMEOUT_SECONDS: Final = 10.0

_CONNECTION = re.compile(r"^(<[^>]*>|\w+Connection\([^)]*\)): ")
"""How urllib3 begins its messages: with the connection object."""


def require_reachable(access: Access, timeout: float = TIMEOUT_SECONDS) -> str:
    """Return the API server's version, for example `v1.36.3`.

    Raises KubeconfigError when nothing answers within the time (in seconds), or when it refuses the credentials.
    """
    # The Kubernetes client takes a second to import: only programs that reach a cluster pay for it. It has no types.
    client: Any = importlib.import_module("kubernetes.client")
    config: Any = importlib.import_module("kubernetes.config")
    http: Any = importlib.import_module("urllib3.exceptions")
    where = f'"{access.context}" ({access.server}) of {access.origin}'
    settings = client.Configuration()
    settings.retries = False
    try:
        config.load_kube_config_from_dict(json.loads(access.content), client_configuration=settings)
        with client.ApiClient(settings) as api:
            version: Any = client.VersionApi(api).get_code(_request_timeout=(timeout, timeout))
    except client.ApiException as error:
        raise KubeconfigError(
            f"The cluster at {where} refuses the credentials: {error.status} {error.reason}. "
            "Fix: renew the kubeconfig with your cluster's own tool."
        ) from None
    except config.ConfigException as error:
        raise KubeconfigError(
            f"The context {where} cannot be used: {error}. Fix: write the file anew with your cluster's own tool."
        ) from None
    except (http.HTTPError, OSError, ValueError) as error:
        raise KubeconfigError(
            f"There is no cluster at {where}: {_brief(error)}. Nothing was changed. Fix: start it "
            "(`crossfade cluster up` on a bare machine), or point crossfade:cluster at the right one."
        ) from None
    return str(version.git_version)


def _brief(error: BaseException) -> str:
    """Return the innermost reason of a chain of wrapped network errors."""
    reason: Any = getattr(error, "reason", None)
    while isinstance(reason, BaseException):
        error, reason = reason, getattr(reason, "reason", None)
    return _CONNECTION.sub("", str(error)).rstrip(".") or type(error).__name__
