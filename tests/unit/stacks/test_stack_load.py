"""Loading: Pulumi's config becomes a StackConfig, or the program ends with one message and no traceback."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import config as runtime

from stacks.config import StackConfig
from stacks.config.problem import StackFileError
from stacks.kubeconfig import check_kubeconfig
from stacks.load import load, load_stack

SECTIONS: dict[str, Any] = {
    "cluster": {"kind": "existing"},
    "storage": {"kind": "inCluster", "bucket": "ml-models"},
    "mesh": {"kind": "istio", "version": "1.29.1"},
}
KUBECONFIG = "apiVersion: v1\nkind: Config\ncontexts:\n- {name: dev, context: {cluster: c, user: u}}\n"


@pytest.fixture(autouse=True)
def own_config() -> Iterator[None]:
    """Give each test a config of its own."""
    values, secrets = runtime.CONFIG.get(), runtime._SECRET_KEYS.get()
    yield
    runtime.set_all_config(values, list(secrets))


def given_config(sections: dict[str, Any], secrets: tuple[str, ...] = (), **texts: str) -> None:
    values = {f"crossfade:{key}": json.dumps(value) for key, value in sections.items()}
    values |= {f"crossfade:{key}": text for key, text in texts.items()}
    runtime.set_all_config(values, [f"crossfade:{key}" for key in secrets])


def problems_of(project: Path) -> dict[str, str]:
    with pytest.raises(StackFileError) as caught:
        load_stack(project)
    return {problem.where: problem.what for problem in caught.value.problems}


def test_sections_become_a_stack_config(tmp_path: Path):
    given_config(SECTIONS)
    loaded = load_stack(tmp_path)
    assert isinstance(loaded.config, StackConfig)
    assert loaded.kubeconfig is None


def test_config_of_other_namespaces_is_left_alone(tmp_path: Path):
    given_config(SECTIONS)
    runtime.set_config("kubernetes:context", "dev")
    assert load_stack(tmp_path).config.models == {}


def test_an_unknown_section_is_reported_whatever_it_holds(tmp_path: Path):
    given_config({**SECTIONS, "model": {}}, servingg="text")
    assert problems_of(tmp_path) == {
        "crossfade:model": "unknown key `model`; did you mean `models`?",
        "crossfade:servingg": "unknown key `servingg`; did you mean `serving`?",
    }


def test_a_section_that_is_text_is_reported_beside_other_mistakes(tmp_path: Path):
    given_config({**SECTIONS, "serving": {"image": "x"}}, mesh="istio", models="3")
    assert problems_of(tmp_path) == {
        "crossfade:mesh": '"istio" is not a mapping.',
        "crossfade:models": "3 is not a mapping.",
        "crossfade:serving.image": '"x" has no tag.',
    }


def test_the_program_ends_with_the_report_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    given_config(
        {**SECTIONS, "cluster": {"kind": "existing", "kubeconfig": "kubeconfig"}, "serving": {"grpcPort": 8501}}
    )
    with pytest.raises(pulumi.RunError) as caught:
        load()
    assert str(caught.value).startswith("The stack file has 2 mistakes. Nothing was changed.")
    assert "`crossfade cluster up` makes a cluster and the file" in str(caught.value)


def test_kubeconfig_path_starts_from_the_project(tmp_path: Path):
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    given_config({**SECTIONS, "cluster": {"kind": "existing", "kubeconfig": "kubeconfig", "context": "dev"}})
    assert load_stack(tmp_path).config.cluster.context == "dev"


def test_missing_kubeconfig_is_reported(tmp_path: Path):
    [problem] = check_kubeconfig({"kind": "existing", "kubeconfig": ".crossfade/kubeconfig"}, tmp_path, False)
    assert problem.where == "crossfade:cluster.kubeconfig"
    assert problem.what == "there is no file .crossfade/kubeconfig."


@pytest.mark.parametrize("content", [b"", b"- a\n", b"a: [", b"\xff\xfe\x00", b"contexts: 3"])
def test_unreadable_kubeconfig_is_reported(tmp_path: Path, content: bytes):
    (tmp_path / "kubeconfig").write_bytes(content)
    [problem] = check_kubeconfig({"kind": "existing", "kubeconfig": "kubeconfig"}, tmp_path, False)
    assert problem.what == "kubeconfig is not a readable kubeconfig."


def test_missing_context_is_reported_with_the_ones_there_are(tmp_path: Path):
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    section = {"kind": "existing", "kubeconfig": "kubeconfig", "context": "prod"}
    [problem] = check_kubeconfig(section, tmp_path, False)
    assert problem.where == "crossfade:cluster.context"
    assert problem.fix == "use one of dev, or leave `context` out."


def test_kubeconfig_in_plain_text_is_refused_and_not_shown(tmp_path: Path):
    given_config(SECTIONS, kubeconfig=KUBECONFIG + "token: hunter2")
    with pytest.raises(StackFileError) as caught:
        load_stack(tmp_path)
    assert "as plain text" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_kubeconfig_as_path_and_secret_is_refused(tmp_path: Path):
    section = {"kind": "existing", "kubeconfig": "kubeconfig"}
    given_config({**SECTIONS, "cluster": section}, ("kubeconfig",), kubeconfig=KUBECONFIG)
    assert list(problems_of(tmp_path)) == ["crossfade:cluster.kubeconfig"]


class NoEngine(pulumi.runtime.Mocks):
    """Mocks for a program without resources."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Return what was asked for."""
        return args.name, args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], None]:
        """Return what was asked with."""
        return args.args, None


@pulumi.runtime.test
def test_kubeconfig_secret_travels_beside_the_config_and_stays_secret():
    pulumi.runtime.set_mocks(NoEngine())
    given_config(SECTIONS, ("kubeconfig",), kubeconfig=KUBECONFIG)
    loaded = load_stack(Path())
    assert loaded.kubeconfig is not None
    assert KUBECONFIG not in repr(loaded.config)

    def check(values: list[Any]) -> None:
        assert values == [KUBECONFIG, True]

    is_secret = pulumi.Output.from_input(loaded.kubeconfig.is_secret())
    return pulumi.Output.all(loaded.kubeconfig, is_secret).apply(check)
