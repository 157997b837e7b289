"""The models and the one server that most of the model server's tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from modelserver_models import half_plus, many
from modelserver_running import Client, serving

from modelserver.versions import PLATFORM


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export `half/1`, `half/2` (offsets 2 and 3) and `many/1`. Not to be changed: copy what a test changes."""
    folder = tmp_path_factory.mktemp("models")
    half_plus(folder / "half" / "1", 2.0)
    half_plus(folder / "half" / "2", 3.0)
    (folder / "many").mkdir()
    many(folder / "many" / "1")
    return folder


@pytest.fixture(scope="session")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Write a ModelServerConfig; each argument is one model's text, `{platform}` left out."""

    def write(*models: str) -> str:
        path = tmp_path_factory.mktemp("config") / "models.config"
        rows = "\n".join(f'config {{ model_platform: "{PLATFORM}" {model} }}' for model in models)
        path.write_text(f"model_config_list {{ {rows} }}")
        return f"--model_config_file={path}"

    return write


@pytest.fixture(scope="session")
def monitoring(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("monitoring") / "monitoring.config"
    path.write_text("prometheus_config { enable: true }")
    return f"--monitoring_config_file={path}"


@pytest.fixture(scope="session")
def client(exported: Path, config_file: Callable[..., str], monitoring: str) -> Iterator[Client]:
    """Return a client of a server with `half` (versions 1 and 2, labels stable and canary) and `many`."""
    config = config_file(
        f'name: "half" base_path: "{exported}/half" model_version_policy {{ all {{}} }}'
        ' version_labels { key: "stable" value: 1 } version_labels { key: "canary" value: 2 }',
        f'name: "many" base_path: "{exported}/many"',
    )
    with serving(
        config,
        monitoring,
        "--file_system_poll_wait_seconds=0",
        "--allow_version_labels_for_unavailable_models=true",
        "--tensorflow_session_parallelism=1",
    ) as running:
        yield running
