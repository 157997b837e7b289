"""The reference in docs/ lists exactly the keys there are."""

import pytest

from stacks.config import StackConfig
from stacks.config.schema import allowed_keys, keys_of, sections_at
from stacks.reference import DOCUMENT, fill


def test_reference_is_up_to_date():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == fill(text), "run: python -m stacks.reference"


def test_reference_without_markers_is_refused():
    with pytest.raises(ValueError, match="lacks"):
        fill("# The stack file")


def test_every_key_is_described():
    assert [key.path for key in keys_of(StackConfig) if not key.description.endswith(".")] == []


def test_keys_are_unique():
    paths = [key.path for key in keys_of(StackConfig)]
    assert len(paths) == len(set(paths))
    assert "models.<model>.traffic.match[].headers.<header>.regex" in paths
    assert "models.<model>.versions.<version>.names.configMap" in paths


def test_no_section_stands_where_a_value_does():
    assert sections_at(StackConfig, ("storage", "bucket", "name")) == []
    assert allowed_keys(StackConfig, ("models", "mnist", "traffic", "match", 0)).keys() == {"headers", "version"}
