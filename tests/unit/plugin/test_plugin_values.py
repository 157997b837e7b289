"""Property values and secrets: nothing is lost on the way, nothing secret is shown."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from embedded.plugin.secrets import STRUCK, annotate, secret_texts, strike
from embedded.plugin.values import UNKNOWN, Asset, Secret, has_secret, has_unknown, marshal, plain, unmarshal

KEYS = st.text(alphabet="abcdefgh", min_size=1, max_size=4)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-(2**50), 2**50), st.text(max_size=8))
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=10
)
MARKED: st.SearchStrategy[Any] = st.recursive(
    LEAVES | TREES.map(Secret),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)
MAPS = st.dictionaries(KEYS, MARKED, max_size=4)


@given(MAPS)
def test_values_survive_the_way_to_the_engine_and_back(values: dict[str, Any]) -> None:
    assert unmarshal(marshal(values)) == values


@given(MAPS)
def test_plain_values_hold_no_marker(values: dict[str, Any]) -> None:
    assert not has_secret(plain(values))


def test_unknowns_and_assets_survive_and_are_found() -> None:
    values = {"a": [UNKNOWN], "b": Asset("text", None), "c": Secret({"d": UNKNOWN})}
    again = unmarshal(marshal(values))
    assert has_unknown(again["a"])
    assert has_unknown(again["c"])
    assert again["b"] == Asset("text", None)


def test_engine_that_cannot_keep_secrets_gets_plain_values() -> None:
    assert unmarshal(marshal({"a": Secret("x")}, keep_secrets=False)) == {"a": "x"}


def test_secret_is_hidden_from_repr() -> None:
    assert "hunter2" not in repr({"a": Secret("hunter2")})


@given(st.dictionaries(KEYS, TREES, max_size=4), MAPS)
def test_marking_outputs_changes_no_value(outputs: dict[str, Any], inputs: dict[str, Any]) -> None:
    assert plain(annotate(outputs, inputs)) == outputs


def test_part_that_was_secret_in_the_inputs_is_secret_in_the_outputs() -> None:
    inputs = {"spec": {"env": [{"name": "a", "value": Secret("x")}], "open": "y"}}
    marked = annotate({"spec": {"env": [{"name": "a", "value": "x"}], "open": "y"}}, inputs)
    assert isinstance(marked["spec"]["env"], Secret)
    assert marked["spec"]["open"] == "y"


def test_data_of_a_secret_is_secret_whatever_the_inputs_say() -> None:
    notes = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}
    marked = annotate({"kind": "Secret", "data": {"a": "b"}, "metadata": {"annotations": notes}}, {})
    assert isinstance(marked["data"], Secret)
    assert isinstance(marked["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"], Secret)
    assert marked["metadata"]["annotations"]["a"] == "b"


@given(st.text(alphabet="xyz1!", min_size=4, max_size=12))
def test_secret_texts_are_struck_out_in_every_encoding(text: str) -> None:
    encoded = base64.b64encode(text.encode()).decode()
    texts = secret_texts({"kind": "Secret", "stringData": Secret({"k": text})})
    struck = strike(f'Invalid value: "{text}" or {encoded}', texts)
    assert text not in struck.replace(STRUCK, "")
    assert encoded not in struck


def test_short_secret_does_not_eat_the_message() -> None:
    assert strike("a bad value: a", {"a"}) == f"{STRUCK} bad value: {STRUCK}"
