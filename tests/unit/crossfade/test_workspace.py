"""Paths, the environment, the passphrase, and what a command line ends in."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from crossfade import workspace
from crossfade.cli import run
from crossfade.commands import env
from crossfade.errors import InputError
from crossfade.stack import Stack, read_config
from crossfade.workspace import Workspace


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Make a project folder with a space in its name, and go there."""
    root = tmp_path / "my project"
    root.mkdir()
    (root / "Pulumi.yaml").write_text("name: crossfade\n")
    monkeypatch.chdir(root)
    return Workspace(root)


def executable(folder: Path, name: str, script: str = "exit 0") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_the_passphrase_is_made_once_and_only_the_owner_reads_it(place: Workspace) -> None:
    assert place.prepare()
    first = place.passphrase.read_text()
    assert len(first.strip()) >= 32
    assert stat.S_IMODE(place.passphrase.stat().st_mode) == 0o600
    assert not place.prepare()
    assert place.passphrase.read_text() == first


def test_env_can_be_sourced_and_its_file_is_what_it_prints(
    place: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert run(["env"]) == 0
    printed = capsys.readouterr().out
    assert (place.home / "env").read_text() == printed
    assert place.passphrase.read_text().strip() not in printed
    shell = "PULUMI_CONFIG_PASSPHRASE=old; . .crossfade/env && "
    shell += 'echo "$PATH|$PULUMI_BACKEND_URL|${PULUMI_CONFIG_PASSPHRASE-none}"'
    said = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout.strip()
    path, backend, old = said.split("|")
    assert path.split(":")[:2] == [str(place.bin), str(place.venv_bin)]
    assert path.endswith("/usr/bin:/bin")
    assert (backend, old) == (f"file://{place.state}", "none")
    assert place.state.is_dir()


def test_an_official_pulumi_on_the_users_path_goes_first(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    executable(tmp_path / "official", "pulumi")
    executable(place.bin, "pulumi")
    user = f"{tmp_path / 'official'}:/usr/bin"
    tools = place.tool_path(user)
    assert tools.official == str(tmp_path / "official" / "pulumi")
    assert tools.joined(user).split(":") == [
        str(place.venv_bin),
        str(place.offline),
        str(tmp_path / "official"),
        "/usr/bin",
        str(place.bin),
    ]
    monkeypatch.setenv("PATH", user)
    assert run(["env"]) == 0
    assert str(tmp_path / "official" / "pulumi") in capsys.readouterr().err.replace("\n", "")


def test_a_sourced_environment_is_not_taken_for_the_users_own_pulumi(place: Workspace) -> None:
    executable(place.bin, "pulumi")
    tools = place.tool_path(f"{place.bin}:{place.venv_bin}:/usr/bin")
    assert tools.official is None
    assert tools.before[0] == str(place.bin)


def test_subprocesses_get_the_file_and_not_a_passphrase_variable(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "old")
    environment = place.environment()
    assert "PULUMI_CONFIG_PASSPHRASE" not in environment
    assert environment["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(place.passphrase)
    assert environment["KUBECONFIG"] == str(place.kubeconfig)


def test_the_root_is_found_from_a_folder_below(place: Workspace) -> None:
    below = place.root / "a" / "b"
    below.mkdir(parents=True)
    assert workspace.find(below).root == place.root


def test_exports_quote_what_a_shell_would_split(place: Workspace) -> None:
    assert f"'{place.home}/pulumi'" in env.exports(place)


def test_kubectl_follows_the_stack_file_and_not_kubeconfig(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere/production")
    place.stack_file("dev").write_text(
        "config:\n  crossfade:cluster: {kind: existing, kubeconfig: .crossfade/kubeconfig, context: mine}\n"
    )
    assert Stack("dev", place).kubectl("get", "pods") == [
        "kubectl", "--kubeconfig", str(place.kubeconfig), "--context", "mine", "get", "pods",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "[]", "config: 3", "config: {a: [}", "other: {}"])
def test_a_stack_file_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="not a stack file"):
        read_config(path)
    with pytest.raises(InputError, match="no stack file"):
        read_config(tmp_path / "Pulumi.none.yaml")


GATEWAY = '{"gateway": {"namespace": "ingress", "service": "gw", "httpPort": 80, "grpcPort": 31400}}'
SERVICE = '{"spec": {"ports": [{"port": 80, "nodePort": 30080}, {"port": 31400, "nodePort": 31401}]}, "status": %s}'
ADDRESSES = '[{"type": "Hostname", "address": "n"}, {"type": "InternalIP", "address": "10.1.2.3"}]'
NODES = f'{{"items": [{{"status": {{"addresses": {ADDRESSES}}}}}]}}'


@pytest.mark.parametrize(
    ("status", "expected"),
    [("{}", "10.1.2.3:31401"), ('{"loadBalancer": {"ingress": [{"ip": "5.6.7.8"}]}}', "5.6.7.8:31400")],
)
def test_the_gateways_address_is_the_load_balancers_or_a_nodes(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, status: str, expected: str
) -> None:
    place.stack_file("dev").write_text("config:\n  crossfade:cluster: {kind: existing}\n")
    tools = place.root / "tools"
    executable(tools, "pulumi", f"echo '{GATEWAY}'")
    executable(tools, "kubectl", f"case \"$*\" in *nodes*) echo '{NODES}';; *) echo '{SERVICE % status}';; esac")
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    assert Stack("dev", place).server("grpc") == expected


def test_missing_tools_failures_and_ctrl_c_end_in_one_message(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(place.root))
    assert run(["graph", "--out", "x.svg"]) == 3
    assert "pulumi is not on PATH" in capfd.readouterr().err
    executable(place.bin, "pulumi", "echo 'error: no stack named dev' >&2; exit 255")
    assert run(["graph", "--out", "x.svg"]) == 1
    said = capfd.readouterr().err
    assert "no stack named dev" in said
    assert "Traceback" not in said
    assert run(["graph", "--out", "x.pdf"]) == 2


def test_ctrl_c_ends_in_130(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> Workspace:
        raise KeyboardInterrupt

    assert place
    monkeypatch.setattr(workspace, "find", interrupted)
    assert run(["env"]) == 130
    assert "run the same command again" in capfd.readouterr().err


def test_offline_plugin_is_on_path_only_where_the_official_one_is_not_installed(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    assert str(place.offline) in place.tool_path("/usr/bin").before
    plugin = place.home / "pulumi" / "plugins" / "resource-kubernetes-v4.34.2" / "pulumi-resource-kubernetes"
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    paths = place.tool_path("/usr/bin")
    assert str(place.offline) not in (*paths.before, *paths.after)


def test_tests_cluster_shares_no_kubeconfig_or_state_with_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path)
    monkeypatch.delenv("CROSSFADE_CLUSTER", raising=False)
    users = (place.kubeconfig, place.state)
    monkeypatch.setenv("CROSSFADE_CLUSTER", "e2e")
    assert set(users).isdisjoint((place.kubeconfig, place.state))
