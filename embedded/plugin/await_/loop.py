"""The one loop that waits: looks, tells progress, and ends with the object, a failure, or a cancellation.

Knows no kind. Looks every half second at first, then every two: a rollout takes longer than that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from embedded.plugin.await_.pods import restarts
from embedded.plugin.await_.verdict import Failed, Lister, Object, Ready, Rule, Sight, Verdict, Waiting
from embedded.plugin.errors import InitFailedError, PluginError

_FIRST_PAUSE, _LAST_PAUSE = 0.5, 2.0
_TELL_SECONDS = 15.0  # an unchanged reason is told again after so long, with the time waited


class Clock:
    """Time, and a pause that a cancellation ends. Tests give their own."""

    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled

    def now(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()

    def pause(self, seconds: float) -> bool:
        """Wait; return True where the operation was cancelled meanwhile."""
        return self._cancelled.wait(seconds)


def look(obj: Object, rule: Rule, listed: Lister, earlier: dict[str, int] | None = None) -> tuple[Verdict, Sight]:
    """Judge an object once."""
    related = rule.look(obj, listed)
    sight = Sight(obj, related, earlier or {})
    return rule.judge(sight), sight


def wait_ready(
    what: str,
    first: Object,
    rule: Rule,
    read: Callable[[], Object | None],
    listed: Lister,
    tell: Callable[[str], None],
    clock: Clock,
    seconds: float,
) -> Object:
    """Return the object once it is ready.

    Raises InitFailedError with the reason where it fails, lasts too long, is cancelled or vanishes.
    """
    start = clock.now()
    live, pause, told, told_at = first, _FIRST_PAUSE, "", start
    _, sight = look(live, rule, listed)
    failed_before = {key: count for key, count in restarts([*sight.related.get("Pod", []), live]).items() if count}
    while True:
        verdict, _ = look(live, rule, listed, failed_before)
        waited = clock.now() - start
        if isinstance(verdict, Ready):
            return live
        if isinstance(verdict, Failed):
            raise InitFailedError(f"{what}: {verdict.reason}", live)
        if waited >= seconds:
            raise InitFailedError(f"{what}: not ready after {seconds:.0f} s: {verdict.reason}", live)
        if verdict.reason != told or clock.now() - told_at >= _TELL_SECONDS:
            tell(f"{verdict.reason} ({waited:.0f} s)")
            told, told_at = verdict.reason, clock.now()
        if clock.pause(min(pause, max(seconds - waited, 0.01))):
            raise InitFailedError(
                f"{what}: cancelled while waiting: {verdict.reason}; the next update goes on from here", live
            )
        pause = min(pause * 1.3, _LAST_PAUSE)
        newest = read()
        if newest is None:
            raise InitFailedError(f"{what}: was deleted by someone else while it was waited for", live)
        live = newest


def wait_gone(
    what: str,
    uid: str,
    read: Callable[[], Object | None],
    tell: Callable[[str], None],
    clock: Clock,
    seconds: float,
) -> None:
    """Return once the object with this uid is gone. Raises PluginError where it lasts too long or is cancelled."""
    start, pause = clock.now(), 0.1
    while True:
        live = read()
        if live is None or (uid and live["metadata"].get("uid") != uid):
            return
        waited = clock.now() - start
        reason = _held_by(live)
        if waited >= seconds:
            raise PluginError(f"{what}: still there {seconds:.0f} s after its deletion was asked for: {reason}")
        if waited > 1:
            tell(f"being deleted: {reason} ({waited:.0f} s)")
        if clock.pause(min(pause, max(seconds - waited, 0.01))):
            raise PluginError(f"{what}: cancelled while it was being deleted; the next run goes on from here")
        pause = min(pause * 1.5, _LAST_PAUSE)


def _held_by(live: Object) -> str:
    metadata = live["metadata"]
    messages = [
        item["message"]
        for item in (live.get("status") or {}).get("conditions") or []
        if item.get("status") == "True"
        and item.get("message")
        and "Remaining" in str(item.get("reason", item.get("type")))
    ]
    finalizers = [*(metadata.get("finalizers") or []), *((live.get("spec") or {}).get("finalizers") or [])]
    held = [*messages, *([f"finalizers {', '.join(finalizers)}"] if finalizers else [])]
    return "; ".join(held) or "its pods are ending"


__all__ = ["Clock", "Waiting", "look", "wait_gone", "wait_ready"]
