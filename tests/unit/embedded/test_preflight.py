"""What a machine lacks is named all at once, before anything is built."""

from collections import namedtuple

import pytest

from embedded import preflight
from embedded.errors import EmbeddedError

Usage = namedtuple("Usage", "total used free")


def test_every_missing_thing_is_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10, 10, 0))
    with pytest.raises(EmbeddedError) as caught:
        preflight.check()
    message = str(caught.value)
    for word in ("root:", "`ip`", "`unshare`", "`nsenter`", "disk:", "nothing was built"):
        assert word in message


def test_other_systems_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(EmbeddedError, match="Linux on x86_64: this is Darwin"):
        preflight.check()


def test_each_needed_capability_is_named_when_it_is_lacking() -> None:
    full = (1 << 41) - 1
    assert preflight.missing_capabilities(full) == []
    assert preflight.missing_capabilities(full & ~(1 << 21)) == ["CAP_SYS_ADMIN"]
    assert "CAP_NET_ADMIN" in preflight.missing_capabilities(0)


def test_a_machine_without_cap_sys_resource_will_do() -> None:
    assert preflight.missing_capabilities(((1 << 41) - 1) & ~(1 << 24)) == []
