"""TensorFlow Serving's REST API: `POST /v1/models/MODEL[/versions/N]:predict`, in the column format.

Plain HTTP to one address, one connection kept alive.
"""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import numpy.typing as npt

from crossfade.client import types
from crossfade.errors import ServerError


def path(model: str, version: int | None = None) -> str:
    """Return the URL's path of `:predict`; `version` None leaves it to the server, and so to the traffic split."""
    return f"/v1/models/{quote(model, safe='')}{f'/versions/{version}' if version is not None else ''}:predict"


def build_body(inputs: Mapping[str, npt.NDArray[Any]], signature: str = types.DEFAULT_SIGNATURE) -> dict[str, Any]:
    """Return the request's JSON: `{"signature_name": …, "inputs": {name: nested list}}`."""
    return {"signature_name": signature, "inputs": {name: array.tolist() for name, array in inputs.items()}}


class RestClient:
    """A connection to `HOST:PORT`. Close it, or use it in a `with`."""

    def __init__(
        self, server: str, *, deadline: float = types.DEADLINE_SECONDS, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """`deadline` is in seconds for each call; `headers` go with every call."""
        self.server = types.address(server)
        self._http = httpx.Client(
            base_url=f"http://{self.server}",
            timeout=deadline,
            headers=list(headers),
            transport=httpx.HTTPTransport(retries=0),
            trust_env=False,  # an http_proxy of the environment is not meant for a cluster's address
        )

    def predict(
        self,
        model: str,
        inputs: Mapping[str, npt.NDArray[Any]],
        *,
        signature: str = types.DEFAULT_SIGNATURE,
        version: int | None = None,
    ) -> types.Prediction:
        """One prediction; each input's first dimension is the batch.

        Raises ServerError with `HTTP <status>` as `code`, empty when no answer came.
        """
        body = build_body(inputs, signature)
        begun = time.perf_counter()
        try:
            response = self._http.post(path(model, version), json=body)
        except httpx.TimeoutException as error:
            raise ServerError(f"{self.server} gave no answer in time.", "TIMEOUT") from error
        except httpx.HTTPError as error:
            raise ServerError(f"{self.server} cannot be reached: {error}") from error
        seconds = time.perf_counter() - begun
        code = f"HTTP {response.status_code}"
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if response.status_code != 200 or not isinstance(answer, dict) or "outputs" not in answer:
            said = answer.get("error") if isinstance(answer, dict) else response.text[:300]
            raise ServerError(f"{self.server} answered {code}: {said or 'nothing'}", code)
        outputs = answer["outputs"]
        # A signature with one output is answered without its name.
        named = outputs if isinstance(outputs, dict) else {"outputs": outputs}
        return types.Prediction(
            outputs={name: np.asarray(value) for name, value in named.items()},
            model=model,
            version=version,
            signature=signature,
            route=response.headers.get(types.VERSION_HEADER),
            seconds=seconds,
        )

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> "RestClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
