"""Kubeconfigs: one context comes out, nothing of the others, and every mistake says what to do."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.cluster.kubeconfig import KubeconfigError, candidates, parse_access, read_access
from components.cluster.reach import require_reachable


def kubeconfig(current: str | None = "one", server: str = "https://one:6443") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        **({"current-context": current} if current else {}),
        "contexts": [
            {"name": "one", "context": {"cluster": "c-one", "user": "u-one", "namespace": "x"}},
            {"name": "two", "context": {"cluster": "c-two", "user": "u-two"}},
            {"name": "lost", "context": {"cluster": "nowhere", "user": "u-two"}},
            {"name": "nobody", "context": {"cluster": "c-one", "user": "missing"}},
        ],
        "clusters": [
            {"name": "c-one", "cluster": {"server": server, "certificate-authority": "ca.crt"}},
            {"name": "c-two", "cluster": {"server": "https://two:6443"}},
        ],
        "users": [
            {"name": "u-one", "user": {"token": "token-one"}},
            {"name": "u-two", "user": {"token": "token-two"}},
        ],
    }


def write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_only_the_chosen_context_is_handed_on(tmp_path: Path):
    access = read_access((write(tmp_path / "config", kubeconfig()),), None)
    assert (access.context, access.server) == ("one", "https://one:6443")
    assert "token-one" in access.content
    assert "two" not in access.content


def test_given_context_wins_over_the_current_one(tmp_path: Path):
    access = read_access((write(tmp_path / "config", kubeconfig()),), "two")
    assert access.server == "https://two:6443"
    assert json.loads(access.content)["current-context"] == "two"


def test_paths_inside_hold_away_from_the_folder(tmp_path: Path):
    access = read_access((write(tmp_path / "config", kubeconfig()),), None)
    (cluster,) = json.loads(access.content)["clusters"]
    assert cluster["cluster"]["certificate-authority"] == str(tmp_path / "ca.crt")


def test_same_file_gives_the_same_text(tmp_path: Path):
    path = write(tmp_path / "config", kubeconfig())
    assert read_access((path,), None) == read_access((path,), None)


def test_first_of_several_files_wins(tmp_path: Path):
    first = write(tmp_path / "first", kubeconfig(current=None, server="https://first:6443"))
    second = write(tmp_path / "second", kubeconfig(current="one", server="https://second:6443"))
    assert read_access((first, second), None).server == "https://first:6443"


def test_files_are_found_as_kubectl_finds_them(tmp_path: Path):
    there = write(tmp_path / "there", kubeconfig())
    assert candidates("given", {"KUBECONFIG": "env"}, tmp_path) == (Path("given"),)
    assert candidates(None, {"KUBECONFIG": "env"}, tmp_path) == (Path("env"),)
    assert candidates(None, {"KUBECONFIG": f"gone:{there}"}, tmp_path) == (there,)
    assert candidates(None, {}, tmp_path) == (tmp_path / ".kube" / "config",)


@pytest.mark.parametrize(
    ("content", "context", "message"),
    [
        ("a: [", None, "is not YAML"),
        ("", None, "is empty"),
        ("[1]", None, "is empty, or no mapping"),
        (yaml.safe_dump(kubeconfig(current=None)), None, "has no current context"),
        (yaml.safe_dump(kubeconfig()), "three", 'has no context "three". It has: lost, nobody, one, two'),
        (yaml.safe_dump(kubeconfig()), "lost", 'refers to the cluster "nowhere"'),
        (yaml.safe_dump(kubeconfig()), "nobody", 'refers to the user "missing"'),
        ("{contexts: 3, clusters: [x], current-context: a}", None, 'has no context "a". It has: none'),
    ],
)
def test_mistakes_say_what_to_do_and_quote_no_credential(content: str, context: str | None, message: str):
    with pytest.raises(KubeconfigError) as error:
        parse_access(content, context)
    assert message in str(error.value)
    assert "Fix: " in str(error.value)
    assert "token-" not in str(error.value)


def test_missing_file_names_the_way_out(tmp_path: Path):
    with pytest.raises(KubeconfigError, match=r"no kubeconfig at .*gone.*crossfade cluster up"):
        read_access((tmp_path / "gone",), None)


def test_folder_instead_of_a_file(tmp_path: Path):
    with pytest.raises(KubeconfigError, match="cannot be read"):
        read_access((tmp_path,), None)


def plain(server: str) -> str:
    content = kubeconfig(server=server)
    del content["clusters"][0]["cluster"]["certificate-authority"]
    return yaml.safe_dump(content)


def test_no_cluster_is_one_clear_message():
    with socket.socket() as held:  # bound, never listening: connections are refused
        held.bind(("127.0.0.1", 0))
        access = parse_access(plain(f"http://127.0.0.1:{held.getsockname()[1]}"), None)
        with pytest.raises(KubeconfigError, match=r"There is no cluster at .*refused.*Nothing was changed. Fix: "):
            require_reachable(access)


class Api(BaseHTTPRequestHandler):
    """An API server that knows one token."""

    def do_GET(self) -> None:
        """Answer the one question asked."""
        known = self.headers.get("authorization") == "Bearer token-one"
        body = json.dumps({"gitVersion": "v1.36.3", "major": "1", "minor": "36"} if known else {}).encode()
        fields = ("buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion", "platform")
        body = json.dumps({**json.loads(body), **dict.fromkeys(fields, "x")}).encode()
        self.send_response(200 if known else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it
        """Keep the test's output clean."""


@pytest.fixture
def api() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_reachable_cluster_tells_its_version(api: str):
    assert require_reachable(parse_access(plain(api), "one")) == "v1.36.3"


def test_refused_credentials_are_told_apart_from_no_cluster(api: str):
    content = plain(api).replace("token-one", "stale")
    with pytest.raises(KubeconfigError, match="refuses the credentials: 401"):
        require_reachable(parse_access(content, "one"))
