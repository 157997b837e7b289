"""The HTTP parser: how bytes are cut never matters, and nothing that could mean two things is taken."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserver.http_parser import MAX_BODY, MAX_HEAD, Parser, Refused, Request

STREAM = (
    b"POST /a?q=1 HTTP/1.1\r\nContent-Length: 5\r\nOrigin: http://o\r\n\r\nhello"
    b"\r\nPUT http://host/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
    b"GET /c HTTP/1.0\r\n\r\n"
)
REQUESTS = [
    Request("POST", "/a", True, "http://o", b"hello"),
    Request("PUT", "/b", True, "", b"abc0123456789"),
    Request("GET", "/c", False, "", b""),
]


@given(st.sets(st.integers(1, len(STREAM) - 1)))
def test_any_cut_of_the_stream_gives_the_same_requests(cuts: set[int]) -> None:
    parser, found, start = Parser(), [], 0
    for cut in [*sorted(cuts), len(STREAM)]:
        found += parser.feed(STREAM[start:cut])
        start = cut
    assert found == REQUESTS
    assert not parser.partial


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_bytes_are_parsed_or_refused(parts: list[bytes]) -> None:
    parser = Parser()
    for part in parts:
        for request in parser.feed(part):
            assert isinstance(request, Request | Refused)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA : x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (MAX_BODY + 1), 413),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * MAX_HEAD + b"\r\n\r\n", 431),
    ],
)
def test_ambiguous_or_excessive_requests_are_refused(head: bytes, status: int) -> None:
    parser = Parser()
    [refused] = parser.feed(head)
    assert isinstance(refused, Refused)
    assert refused.status == status
    assert parser.feed(STREAM) == []


def test_gzip_bomb_is_refused_before_it_unpacks() -> None:
    bomb = gzip.compress(gzip.compress(b"x"))  # well-formed, but cut short below
    head = b"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    [request] = Parser().feed(head % len(bomb) + bomb)
    assert isinstance(request, Request)
    [refused] = Parser().feed(head % (len(bomb) - 3) + bomb[:-3])
    assert isinstance(refused, Refused)
