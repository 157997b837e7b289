"""The demo's parts that can go wrong on a second or interrupted run, on the real Pulumi CLI where it takes part."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from PIL import Image

from crossfade import resources
from crossfade.cli import run
from crossfade.demo import report, stackfile
from crossfade.engine import Engine, existing
from crossfade.errors import CrossfadeError, InputError
from crossfade.stack import Stack
from crossfade.traffic import split
from crossfade.traffic.types import Plan, Result, Tally
from crossfade.workspace import Workspace
from tests.unit.crossfade.conftest import ROOT

STACK_FILE = """# a comment
config:
  crossfade:cluster: {kind: existing}
  crossfade:models:
    mnist: {versions: {v1: {uri: "s3://b/mnist/1"}}, traffic: {stable: v1, canary: {version: v2, weight: 30}}}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Make a project with its own state, driven by the project's Pulumi CLI; `crossfade cluster tools` builds it."""
    assert (ROOT / ".crossfade" / "bin" / "pulumi").is_file(), (
        "the Pulumi CLI is missing: `crossfade cluster tools` builds it"
    )
    (tmp_path / "Pulumi.yaml").write_text("name: crossfade\nruntime: yaml\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(STACK_FILE)
    made = Workspace(tmp_path)
    made.bin.mkdir(parents=True)
    (made.bin / "pulumi").symlink_to(ROOT / ".crossfade" / "bin" / "pulumi")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return made


def test_one_salt_serves_the_stack_file_and_its_copy_without_models(place: Workspace) -> None:
    assert place.prepare()
    Engine(place, "dev").select()
    own, copy = place.stack_file("dev"), place.home / "demo" / "Pulumi.dev.yaml"
    stackfile.without_models(own, copy)
    written = yaml.safe_load(copy.read_text())
    assert written["encryptionsalt"] == yaml.safe_load(own.read_text())["encryptionsalt"]
    assert list(written["config"]) == ["crossfade:cluster"]
    assert own.read_text().startswith("# a comment")
    Engine(place, "dev").select()  # a second run finds the stack


def test_the_demos_last_command_moves_the_weight_and_nothing_else(place: Workspace) -> None:
    place.prepare()
    Engine(place, "dev").select()
    before = place.stack_file("dev").read_text()
    command = [
        "pulumi",
        "config",
        "set",
        "--stack",
        "dev",
        "--path",
        "crossfade:models.mnist.traffic.canary.weight",
        "50",
    ]
    subprocess.run(command, cwd=place.root, env=place.environment(), check=True, capture_output=True)
    assert place.stack_file("dev").read_text() == before.replace("weight: 30", "weight: 50")


def test_a_salt_whose_passphrase_is_gone_is_removed_when_it_encrypted_nothing(place: Workspace) -> None:
    place.prepare()
    Engine(place, "dev").select()
    shutil.rmtree(place.home)
    place.bin.mkdir(parents=True)
    (place.bin / "pulumi").symlink_to(ROOT / ".crossfade" / "bin" / "pulumi")
    assert stackfile.settle_salt(place, "dev", new_passphrase=place.prepare())
    assert place.stack_file("dev").read_text() == STACK_FILE
    Engine(place, "dev").select()


@pytest.mark.parametrize("lost", ["state", "secret"])
def test_a_salt_that_still_encrypts_something_is_kept_and_the_ways_out_told(place: Workspace, lost: str) -> None:
    place.prepare()
    engine = Engine(place, "dev")
    engine.select()
    if lost == "secret":
        shutil.rmtree(place.state)
        file = place.stack_file("dev")
        file.write_text(file.read_text().replace("config:\n", "config:\n  crossfade:key: {secure: v1:abc}\n"))
    place.passphrase.unlink()
    before = place.stack_file("dev").read_text()
    for _ in range(2):  # the second run must not take the new passphrase for a good one
        with pytest.raises(CrossfadeError, match="Put the passphrase back"):
            stackfile.settle_salt(place, "dev", new_passphrase=place.prepare())
    assert place.stack_file("dev").read_text() == before


def test_state_of_a_deleted_cluster_is_forgotten_and_that_of_a_living_one_kept(place: Workspace) -> None:
    place.prepare()
    uid = place.root / "uid"
    kubectl = place.bin / "kubectl"
    kubectl.write_text(f"""#!/bin/sh\necho '{{"metadata": {{"uid": "'$(cat "{uid}")'"}}}}'\n""")
    kubectl.chmod(0o755)
    engine = Engine(place, "dev")
    engine.select()
    resource = {"urn": "urn:pulumi:dev::crossfade::a:b:C::x", "type": "a:b:C", "custom": False}
    exported = place.root / "exported.json"
    exported.write_text(json.dumps({"version": 3, "deployment": {**engine.state(), "resources": [resource]}}))
    command = ["pulumi", "stack", "import", "--stack", "dev", "--file", str(exported)]
    subprocess.run(command, cwd=place.root, env=place.environment(), check=True, capture_output=True)
    before = place.stack_file("dev").read_text()
    for cluster in ("first", "first"):
        uid.write_text(cluster)
        engine.settle_cluster()
        assert engine.state()["resources"][0]["urn"] == resource["urn"]
    uid.write_text("second")
    engine.settle_cluster()
    assert not engine.state().get("resources")
    assert place.stack_file("dev").read_text() == before


def test_a_salt_pulumi_wrote_into_the_copy_reaches_the_stack_file(tmp_path: Path) -> None:
    own, copy = tmp_path / "own.yaml", tmp_path / "copy.yaml"
    own.write_text("config: {a: 1}")
    copy.write_text("encryptionsalt: v1:x\nconfig: {a: 1}\n")
    stackfile.keep_salt(copy, own)
    stackfile.keep_salt(copy, own)
    assert own.read_text() == "config: {a: 1}\nencryptionsalt: v1:x\n"


def lock(place: Workspace, pid: int, host: str) -> Path:
    path = place.state / ".pulumi" / "locks" / "organization" / "crossfade" / "dev" / "some-id.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pid": pid, "username": "u", "hostname": host, "timestamp": "2026-01-01T00:00:00Z"}))
    return path


def test_a_dead_pulumis_lock_is_removed(place: Workspace) -> None:
    place.prepare()
    engine = Engine(place, "dev")
    engine.select()
    ended = subprocess.Popen(["true"])
    ended.wait()
    path = lock(place, ended.pid, os.uname().nodename)
    engine.unlock()
    assert not path.exists()


def test_a_lock_of_another_machine_is_respected(place: Workspace) -> None:
    place.prepare()
    engine = Engine(place, "dev")
    engine.select()
    path = lock(place, 1, "another-host")
    with pytest.raises(CrossfadeError, match=r"another Pulumi \(process 1 on another-host\)"):
        engine.unlock()
    assert path.exists()


def kubectl(place: Workspace, script: str) -> None:
    tool = place.bin / "kubectl"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


def test_a_pending_creation_is_matched_with_the_object_in_the_cluster(place: Workspace) -> None:
    kubectl(place, 'echo "$@" >> asked; case "$*" in *web*) echo deployment.apps/web;; esac')
    stack = Stack("dev", place)
    pending = {
        "type": "kubernetes:apps/v1:Deployment",
        "inputs": {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", "namespace": "s"}},
    }
    assert existing(stack, pending) == "s/web"
    assert "deployment.v1.apps web --ignore-not-found -o name --namespace s" in (place.root / "asked").read_text()
    pending["inputs"]["metadata"]["name"] = "gone"  # type: ignore[index]
    assert existing(stack, pending) is None
    assert existing(stack, {"type": "random:index:Id", "inputs": {}}) is None
    kubectl(place, "echo 'no such kind' >&2; exit 1")
    assert existing(stack, pending) is None


def result(counts: dict[str, int], failures: int = 0) -> Result:
    tally = Tally()
    for version, count in counts.items():
        for _ in range(count):
            tally.answered(version, None, correct=True, seconds=0.001)
    for _ in range(failures):
        tally.failed("UNAVAILABLE")
    total = sum(counts.values()) + failures
    return Result.of(
        Plan(server="h:1", protocol="grpc", model="m", payloads=(b"",), labels=(0,), requests=total), tally, 1.0
    )


def measured(counts: dict[str, int], failures: int = 0) -> report.Measured:
    return report.Measured(result(counts, failures), split.bands({"v1": 0.7, "v2": 0.3}, counts))


def test_only_a_split_inside_the_band_without_failures_is_good() -> None:
    assert measured({"v1": 698, "v2": 302}).good
    assert not measured({"v1": 698, "v2": 302}, failures=1).good
    assert not measured({"v1": 600, "v2": 400}).good
    assert not measured({"v1": 1000}).good
    assert not measured({}, failures=3).good


def test_a_match_rule_is_good_only_when_all_of_it_reached_its_version() -> None:
    headers = {"user-group": "canary"}
    assert report.Matched(result({"v2": 100}), headers, "v2").good
    assert not report.Matched(result({"v2": 99, "v1": 1}), headers, "v2").good
    assert not report.Matched(result({"v2": 99}, failures=1), headers, "v2").good


def test_the_table_and_the_picture_tell_what_was_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [measured({"v1": 698, "v2": 302}), measured({"v1": 600, "v2": 400}, failures=2)]
    report.show(runs, [report.Matched(result({"v2": 100}), {"user-group": "canary"}, "v2")])
    said = capsys.readouterr().out
    for part in ("69.8%", "outside", "UNAVAILABLE: 2", "100 of 100 requests reached v2"):
        assert part in said
    report.picture(runs, tmp_path / "docs" / "split.png", "the stand-in")
    with Image.open(tmp_path / "docs" / "split.png") as picture:
        assert min(picture.size) > 300


def resource(urn: str, kind: str, parent: str = "", *, custom: bool = True) -> dict[str, object]:
    return {"urn": urn, "type": kind, "parent": parent, "custom": custom, "inputs": {"password": "hidden"}}


STATE = [
    resource("u::stack", "pulumi:pulumi:Stack", custom=False),
    resource("u::mesh", "crossfade:mesh:Istio", "u::stack", custom=False),
    resource("u::istiod", "kubernetes:helm.sh/v3:Release", "u::mesh"),
    resource("u::provider", "pulumi:providers:kubernetes", "u::stack"),
    resource("u::serving", "crossfade:serving:ModelServer", "u::stack", custom=False),
]


def test_the_resource_tree_follows_parents_and_leaves_out_providers() -> None:
    found = [(depth, node.name, node.component) for depth, _, node in resources.rows(resources.tree(STATE))]
    assert found == [(0, "mesh", True), (1, "istiod", False), (0, "serving", True)]
    with pytest.raises(CrossfadeError, match="no resources yet"):
        resources.tree(STATE[:1])


def test_columns_keep_order_and_are_of_similar_height() -> None:
    tops = resources.tree(STATE)
    assert [[node.name for node in column] for column in resources.columns(tops, 2)] == [["mesh"], ["serving"]]
    assert [[node.name for node in column] for column in resources.columns(tops, 1)] == [["mesh", "serving"]]


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_graph_is_drawn_without_property_values(
    place: Workspace, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = place.root / "state.json"
    state.write_text(json.dumps({"deployment": {"resources": STATE}}))
    (place.bin / "pulumi").unlink()
    (place.bin / "pulumi").write_text(f"#!/bin/sh\ncat {state}\n")
    (place.bin / "pulumi").chmod(0o755)
    monkeypatch.chdir(place.root)
    assert run(["graph", "--out", f"docs/graph.{suffix}"]) == 0
    content = (place.root / "docs" / f"graph.{suffix}").read_bytes()
    assert len(content) > 5000
    assert b"hidden" not in content


def test_a_stack_file_without_config_is_told(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.x.yaml").write_text("encryptionsalt: v1\n")
    with pytest.raises(InputError, match="no `config:` block"):
        stackfile.read(tmp_path / "Pulumi.x.yaml")
