"""Scalars: what a type accepts, the system it is for accepts."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from stacks import types
from stacks.config import parse_uri
from stacks.types import PROBLEM, quantity_value


def accepts(scalar: object, value: object) -> bool:
    try:
        TypeAdapter[object](cast("type[object]", scalar)).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@given(value=st.integers())
def test_a_weight_is_a_whole_per_cent(value: int):
    assert accepts(types.Weight, value) == (0 <= value <= 100)


@given(value=st.booleans() | st.floats() | st.text() | st.none() | st.lists(st.integers()))
def test_nothing_but_a_whole_number_is_a_weight(value: object):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(types.Weight).validate_python(value)
    assert caught.value.errors()[0]["type"] == PROBLEM


@pytest.mark.parametrize(
    ("scalar", "good", "bad"),
    [
        (types.DnsLabel, ["a", "1", "a-b", "a" * 63], ["", "-a", "a-", "A", "a.b", "a_b", "a" * 64, "é", "a\n"]),
        (types.ServiceName, ["a", "a1", "a-1"], ["1a", "a.b", "", "a" * 64]),
        (types.ObjectName, ["a.b", "1.a-b"], ["a..b", ".a", "a.", "A.b"]),
        (types.Host, ["*", "*.example.com", "example.com"], ["*example.com", "a.*", "a:80", "A.com", ""]),
        (types.BucketName, ["abc", "a.b-c"], ["ab", "a" * 64, "Abc", "a_b", "-ab"]),
        (types.HeaderName, ["user-group", "x", "x_y"], ["User", "a b", "", ":authority", "a-"]),
        (types.EnvName, ["A", "_a1"], ["1A", "A-B", ""]),
        (types.LabelKey, ["a", "example.com/a_b"], ["/a", "a/b/c", "Example.com/a", ""]),
        (types.LabelValue, ["", "a_B.1"], ["-a", "a b", "a" * 64]),
        (types.AbsolutePath, ["/", "/a/b", "/a.b/..c"], ["a", "/a/../b", "/a/.", "", "/a\nb"]),
        (types.Url, ["https://a/b", "oci://a/b"], ["ftp://a", "https://", "a"]),
        (types.ReleaseVersion, ["1.29.1", "1.30.0-rc.1"], ["1.29", "v1.29.1", "latest"]),
        (types.Quantity, ["1", "0.5", "500m", "1Gi", "1e3", "2k", 2, 0.5], ["", "1GB", "-1", "0", "a", True, None]),
        (
            types.ImageRef,
            ["a:1", "host:5000/a/b:v1.0", "a@sha256:" + "0" * 64, "crossfade.local/x-y:1_2"],
            ["a", "a:latest", "A:1", "a:", "host:5000/a", "a b:1", "a@sha256:00", ""],
        ),
        (types.NodePort, [30000, 32767], [29999, 32768, "30000", True]),
        (types.PodPort, [1024, 65535], [1023, 65536, 0, -1]),
    ],
)
def test_scalars_accept_and_refuse(scalar: object, good: list[object], bad: list[object]):
    assert [value for value in good if not accepts(scalar, value)] == []
    assert [value for value in bad if accepts(scalar, value)] == []


@pytest.mark.parametrize(
    ("text", "amount"), [("500m", 0.5), ("1Ki", 1024), ("2Gi", 2 * 1024**3), ("1k", 1000), ("1E", 1e18), ("1e3", 1000)]
)
def test_quantities_have_their_kubernetes_value(text: str, amount: float):
    assert quantity_value(text) == pytest.approx(amount)


parts = st.from_regex(r"[A-Za-z0-9._-]{1,6}", fullmatch=True)


@given(path=st.lists(parts, min_size=1, max_size=4), slashes=st.integers(1, 3))
def test_spellings_of_one_place_are_one_uri(path: list[str], slashes: int):
    plain = parse_uri(f"s3://bucket/{'/'.join(path)}")
    other = parse_uri(f"s3://bucket{'/' * slashes}{('/' * slashes).join(path)}/")
    assert plain is not None
    assert plain == other


@pytest.mark.parametrize(("path", "number"), [("m/3", 3), ("m/v3", None), ("m/0", None), ("m/٣", None), ("7", 7)])
def test_the_last_part_of_a_path_is_the_version_if_it_is_a_number(path: str, number: int | None):
    uri = parse_uri(f"s3://bucket/{path}")
    assert uri is not None
    assert uri.servable_version == number
