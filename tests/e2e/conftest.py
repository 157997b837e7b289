"""The tests' own embedded cluster and stack, made once for the session and removed at its end.

Nothing of a user's is touched: cluster, kubeconfig and Pulumi state have names of their own. What a killed run left is
removed first. CROSSFADE_E2E_KEEP=1 keeps cluster and stack for the next run, for work on the tests themselves.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import yaml

os.environ["CROSSFADE_CLUSTER"] = "e2e"  # read when embedded.paths and the workspace are first used

from driver import MODELS, Driver, workspace

from crossfade import plugins

ROOT = Path(__file__).resolve().parents[2]
STACK = "e2e"
KEEP = os.environ.get("CROSSFADE_E2E_KEEP") == "1"


def crossfade(*arguments: str) -> None:
    """Run the command line with its progress on this terminal; it must end well."""
    subprocess.run([sys.executable, "-m", "crossfade.cli", *arguments], cwd=ROOT, check=True)


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Generator[None]:
    """Run an embedded cluster."""
    capture: Any = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():  # setting it up takes minutes: show its progress
        if not KEEP:
            _remove()
        crossfade("cluster", "up")
    yield
    if not KEEP:
        _remove()


def _remove() -> None:
    crossfade("cluster", "down", "--delete")
    place = workspace(ROOT)
    shutil.rmtree(place.state, ignore_errors=True)
    place.stack_file(STACK).unlink(missing_ok=True)


@pytest.fixture(scope="session")
def models() -> None:
    """Train two versions, as `make demo` does."""
    for version in ("1", "2"):
        crossfade("train", "mnist", "--version", version)


@pytest.fixture(scope="session")
def stack(cluster: None, models: None) -> Driver:  # noqa: ARG001
    """Deploy a stack as a user does: platform up, versions published, declared, `pulumi up`."""
    place = workspace(ROOT)
    place.prepare()
    plugins.ensure(place)
    driver = Driver(STACK, place)
    if KEEP and driver.file.exists():
        driver.must_up()
        return driver
    document = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())
    document.pop("encryptionsalt", None)
    document["config"]["crossfade:cluster"]["kubeconfig"] = str(place.kubeconfig.relative_to(ROOT))
    declared = document["config"].pop(MODELS)
    driver.file.write_text(yaml.safe_dump(document, sort_keys=False))
    made = driver.run("pulumi", "stack", "init", STACK, "--no-select", "--non-interactive")
    assert made.code == 0, made.text
    driver.must_up()
    for version in ("1", "2"):
        crossfade("publish", f".crossfade/models/mnist/{version}", f"s3://ml-models/mnist/{version}", "--stack", STACK)
    document = yaml.safe_load(driver.file.read_text())
    document["config"][MODELS] = declared
    driver.file.write_text(yaml.safe_dump(document, sort_keys=False))
    driver.must_up()
    driver.settle(lambda result: not result.failed)
    return driver
