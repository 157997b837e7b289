"""Reading a stack file: whatever stands in it, the answer is a StackConfig or a report of all mistakes."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stacks.config import ExistingCluster, InClusterStorage, IstioMesh, Model, Section, StackConfig, Traffic, Version
from stacks.config.parse import parse_stack
from stacks.config.problem import Problem, StackFileError, show_path
from stacks.config.rules.match import unsupported

GOOD: dict[str, Any] = {
    "cluster": {"kind": "existing"},
    "storage": {"kind": "inCluster", "bucket": "ml-models"},
    "mesh": {"kind": "istio", "version": "1.29.1", "gateway": {"hosts": ["*"], "nodePorts": {"http": 30080}}},
    "serving": {"namespace": "serving", "resources": {"requests": {"cpu": "1"}}},
    "models": {
        "mnist": {
            "versions": {
                "v1": {"uri": "s3://ml-models/mnist/1", "batching": {"allowedBatchSizes": [32]}},
                "v2": {"uri": "s3://ml-models/mnist/2", "names": {"service": "two"}},
            },
            "traffic": {
                "stable": "v1",
                "canary": {"version": "v2", "weight": 30},
                "match": [{"headers": {"user-group": {"exact": "canary"}}, "version": "v2"}],
                "mirror": {"version": "v2", "percent": 5},
            },
            "pdb": {"maxUnavailable": 1},
        }
    },
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths_of(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, entry in entries for deeper in paths_of(entry, (*path, key)))]


def replaced(path: tuple[Any, ...], value: object) -> dict[str, Any]:
    result = copy.deepcopy(GOOD)
    target: Any = result
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return result


@given(path=st.sampled_from([path for path in paths_of(GOOD) if path]), value=json_values)
def test_any_value_anywhere_gives_a_config_or_a_report(path: tuple[Any, ...], value: object):
    report = None
    try:
        parse_stack(replaced(path, value))
    except StackFileError as error:
        report = error
    assert report is None or ("Nothing was changed." in str(report) and report.problems)


@given(path=st.sampled_from([path for path in paths_of(GOOD) if path]))
def test_a_mistake_is_reported_at_its_place(path: tuple[Any, ...]):
    with pytest.raises(StackFileError) as caught:
        parse_stack(replaced(path, object()))
    assert show_path(path) in {problem.where for problem in caught.value.problems}


def test_a_null_section_is_one_that_is_not_there():
    assert parse_stack({**GOOD, "models": None}).models == {}


def test_two_mistakes_that_hide_each_other_are_both_reported():
    bad = replaced(("models", "mnist", "traffic", "canary"), {"version": "v9", "weight": 130})
    with pytest.raises(StackFileError) as caught:
        parse_stack(bad)
    assert [problem.where for problem in caught.value.problems] == [
        "crossfade:models.mnist.traffic.canary.version",
        "crossfade:models.mnist.traffic.canary.weight",
    ]


def test_report_tells_each_mistake_once_sorted_by_path():
    later = Problem(path=("storage",), what="b.", why="c.", fix="d.")
    earlier = Problem(path=("cluster",), what="b.", why="c.", fix="d.")
    error = StackFileError([later, earlier, later])
    assert error.problems == (earlier, later)
    assert str(error).startswith("The stack file has 2 mistakes. Nothing was changed.\n\ncrossfade:cluster\n  b.\n")


def test_paths_are_written_as_pulumi_reads_them():
    assert show_path(("models", "m", "traffic", "match", 0, "version")) == "crossfade:models.m.traffic.match[0].version"
    assert show_path(("serving", "labels", "example.com/team")) == 'crossfade:serving.labels["example.com/team"]'


def test_illegal_config_cannot_be_built_in_python_either():
    version = Version(uri="s3://ml-models/mnist/1")
    model = Model(versions={"v1": version}, traffic=Traffic(stable="v2"))
    with pytest.raises(ValidationError, match='version "v2" is not declared'):
        StackConfig(
            cluster=ExistingCluster(kind="existing"),
            storage=InClusterStorage(kind="inCluster", bucket="ml-models"),
            mesh=IstioMesh(kind="istio", version="1.29.1"),
            models={"mnist": model},
        )


def test_config_does_not_change_after_reading():
    config = parse_stack(GOOD)
    with pytest.raises(ValidationError):
        config.serving.namespace = "other"  # pyright: ignore[reportAttributeAccessIssue]


def test_a_config_survives_being_written_and_read_again():
    config = parse_stack(GOOD)
    assert parse_stack(config.model_dump(by_alias=True)) == config


def test_every_section_refuses_unknown_keys_and_change():
    sections = Section.__subclasses__()
    assert StackConfig in sections
    for section in sections:
        assert section.model_config.get("extra") == "forbid", section
        assert section.model_config.get("frozen") is True, section
        assert section.model_config.get("strict") is True, section


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a(?=b)", "a lookahead"),
        ("(?<!a)b", "a negative lookbehind"),
        (r"(a)\1", "a backreference"),
        ("a*+", "a possessive repeat"),
        (r"a\Z", r"`\Z`, which RE2 writes `\z`"),
        ("(?>a)", "an atomic group"),
        (r"\(?=a", None),
        ("[(?=]+", None),
        ("[]+]+", None),
        ("[^]*+]x", None),
        (r"\++", None),
        ("(?:a|b)+", None),
        ("(?P<name>a)", None),
    ],
)
def test_only_what_re2_cannot_do_is_called_unsupported(pattern: str, found: str | None):
    assert unsupported(pattern) == found
