"""Stack files that must be read, and stack files that must be refused with exactly the text beside them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.config.parse import parse_stack
from stacks.config.problem import StackFileError

HERE = Path(__file__).parent
HAPPY = sorted((HERE / "happy").glob("*.yaml"))
ERROR = sorted((HERE / "error").glob("*.yaml"))


def sections_of(path: Path) -> dict[str, Any]:
    config = yaml.safe_load(path.read_text(encoding="utf-8"))["config"]
    return {key.removeprefix("crossfade:"): value for key, value in config.items()}


@pytest.mark.parametrize("path", [*HAPPY, HERE.parent.parent / "Pulumi.dev.yaml"], ids=lambda path: path.stem)
def test_good_stack_file_is_read(path: Path):
    config = parse_stack(sections_of(path))
    assert set(config.models) == set(sections_of(path).get("models") or {})


@pytest.mark.parametrize("path", ERROR, ids=lambda path: path.stem)
def test_bad_stack_file_is_refused_with_the_expected_text(path: Path):
    with pytest.raises(StackFileError) as caught:
        parse_stack(sections_of(path))
    assert f"{caught.value}\n" == path.with_suffix(".expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ERROR, ids=lambda path: path.stem)
def test_every_mistake_says_what_where_why_and_the_fix(path: Path):
    with pytest.raises(StackFileError) as caught:
        parse_stack(sections_of(path))
    for problem in caught.value.problems:
        assert problem.where.startswith("crossfade:")
        assert problem.what.endswith((".", "?"))
        assert problem.why.endswith(".")
        assert problem.fix.rstrip('"').endswith(".")


def test_each_expected_text_belongs_to_a_case():
    texts = {path.name.removesuffix(".expected.txt") for path in (HERE / "error").glob("*.expected.txt")}
    assert texts == {path.name.removesuffix(".yaml") for path in ERROR}
