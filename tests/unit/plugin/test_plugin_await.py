"""Verdicts: ready, waiting or failed, for each kind, and the loop that asks for them."""

from __future__ import annotations

from typing import Any

import pytest

from embedded.plugin.await_ import simple, waitfor, workloads
from embedded.plugin.await_.loop import Clock, wait_gone, wait_ready
from embedded.plugin.await_.pods import restarts, trouble
from embedded.plugin.await_.rules import rule_for, seconds_for
from embedded.plugin.await_.verdict import Failed, Ready, Rule, Sight, Verdict, Waiting, selector_text
from embedded.plugin.errors import InitFailedError, PluginError
from embedded.plugin.objects import Kind


def pod(container: dict[str, Any], *, init: bool = False, **spec: str) -> dict[str, Any]:
    state = {"name": "load", "ready": False, "restartCount": 0, **container}
    key = "initContainerStatuses" if init else "containerStatuses"
    return {"metadata": {"name": "p", "uid": "u"}, "spec": spec, "status": {"phase": "Pending", key: [state]}}


def dead(restarted: int, message: str = "no model") -> dict[str, Any]:
    return {
        "restartCount": restarted,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": message}},
    }


def test_pod_that_keeps_failing_is_given_up_with_its_last_words() -> None:
    found = trouble(pod(dead(2), init=True), {})
    assert found is not None
    assert found.final
    assert found.text == "pod p: init container load: exit 1: no model (restarted 2 times)"


def test_first_failure_is_told_but_not_final() -> None:
    found = trouble(pod(dead(1)), {})
    assert found is not None
    assert not found.final


def test_pod_left_from_a_failed_update_gets_one_more_try() -> None:
    old = pod(dead(5))
    earlier = restarts([old])
    found = trouble(old, earlier)
    assert found is not None
    assert not found.final
    again = trouble(pod(dead(6)), earlier)
    assert again is not None
    assert again.final


@pytest.mark.parametrize(("reason", "final"), [("ErrImageNeverPull", True), ("ImagePullBackOff", False)])
def test_image_trouble(reason: str, final: bool) -> None:
    found = trouble(pod({"state": {"waiting": {"reason": reason, "message": "m"}}}), {})
    assert found is not None
    assert (found.text, found.final) == (f"pod p: container load: {reason}: m", final)


def test_starting_and_running_pods_are_no_trouble() -> None:
    assert trouble(pod({"state": {"waiting": {"reason": "ContainerCreating"}}}), {}) is None
    assert trouble(pod({"ready": True, "state": {"running": {}}, "restartCount": 9}), {}) is None


def test_out_of_memory_is_named() -> None:
    ended = {"exitCode": 137, "reason": "OOMKilled"}
    found = trouble(pod({"state": {"terminated": ended}}, restartPolicy="Never"), {})
    assert found is not None
    assert (found.text, found.final) == ("pod p: container load: exit 137 (OOMKilled)", True)


def deployment(generation: int = 2, replicas: int = 2, **status: object) -> dict[str, Any]:
    return {
        "metadata": {"name": "d", "generation": generation},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": 2, **status},
    }


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (deployment(3, updatedReplicas=2, availableReplicas=2, replicas=2), Waiting),
        (deployment(), Waiting),
        (deployment(replicas=0), Ready),
    ],
)
def test_deployment_is_judged_by_the_newest_spec(obj: dict[str, Any], expected: type[Verdict]) -> None:
    assert isinstance(workloads.judge_deployment(Sight(obj)), expected)


@pytest.mark.parametrize(("total", "ready"), [(2, True), (3, False)])
def test_deployment_waits_for_old_pods_to_go(total: int, ready: bool) -> None:
    obj = {
        "metadata": {"generation": 1},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2, "replicas": total},
    }
    assert isinstance(workloads.judge_deployment(Sight(obj)), Ready) is ready


def test_passed_deadline_fails_a_deployment() -> None:
    conditions = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    verdict = workloads.judge_deployment(Sight(deployment(conditions=conditions)))
    assert isinstance(verdict, Failed)


def test_deployment_fails_by_its_pods_reason() -> None:
    verdict = workloads.judge_deployment(Sight(deployment(), {"Pod": [pod(dead(3))]}))
    assert isinstance(verdict, Failed)
    assert "exit 1: no model" in verdict.reason


def test_deployment_is_looked_at_through_its_newest_replica_set() -> None:
    owner = {"metadata": {"uid": "d", "namespace": "n", "annotations": {"deployment.kubernetes.io/revision": "2"}}}
    owner["spec"] = {"selector": {"matchLabels": {"a": "b"}}}  # type: ignore[assignment]

    def listed(_api: str, kind: str, _namespace: str, labels: str) -> list[dict[str, Any]]:
        assert labels == "a=b"
        owners = {"ReplicaSet": "d", "Pod": "new"}
        make = {
            "ReplicaSet": lambda uid, revision: {
                "metadata": {
                    "uid": uid,
                    "ownerReferences": [{"uid": owners[kind]}],
                    "annotations": {"deployment.kubernetes.io/revision": revision},
                }
            },
            "Pod": lambda uid, _: {"metadata": {"name": uid, "ownerReferences": [{"uid": uid}]}},
        }[kind]
        return [make("old", "1"), make("new", "2")]

    found = workloads.look_deployment(owner, listed)
    assert [item["metadata"]["name"] for item in found["Pod"]] == ["new"]


def test_daemon_set_without_nodes_is_ready() -> None:
    obj = {"metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": 1, "desiredNumberScheduled": 0}}
    assert isinstance(workloads.judge_daemon_set(Sight(obj)), Ready)


def test_daemon_set_waits_for_every_node() -> None:
    status = {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1}
    obj = {"metadata": {"generation": 1}, "spec": {}, "status": status}
    assert workloads.judge_daemon_set(Sight(obj)) == Waiting("2/2 pods updated, 1/2 available")


@pytest.mark.parametrize(("ready", "updated", "expected"), [(2, 2, Ready), (2, 1, Waiting), (1, 2, Waiting)])
def test_stateful_set_waits_for_the_newest_revision(ready: int, updated: int, expected: type[Verdict]) -> None:
    status = {
        "observedGeneration": 1,
        "readyReplicas": ready,
        "updatedReplicas": updated,
        "currentRevision": "a",
        "updateRevision": "b",
    }
    obj = {"metadata": {"generation": 1}, "spec": {"replicas": 2}, "status": status}
    assert isinstance(workloads.judge_stateful_set(Sight(obj)), expected)


@pytest.mark.parametrize(
    ("spec", "ready"),
    [
        ({"type": "ExternalName"}, True),
        ({"clusterIP": "None", "selector": {"a": "b"}}, True),
        ({"clusterIP": "10.0.0.1"}, True),
        ({"clusterIP": "10.0.0.1", "selector": {"a": "b"}}, False),
        ({"type": "LoadBalancer"}, False),
    ],
)
def test_service_without_anything_to_wait_for_is_ready(spec: dict[str, Any], ready: bool) -> None:
    assert isinstance(simple.judge_service(Sight({"spec": spec})), Ready) is ready


@pytest.mark.parametrize(("mode", "ready"), [("WaitForFirstConsumer", True), ("Immediate", False)])
def test_claim_waits_unless_its_class_binds_late(mode: str, ready: bool) -> None:
    classes = [{"metadata": {"name": "c"}, "volumeBindingMode": mode}]
    obj = {"spec": {"storageClassName": "c"}, "status": {"phase": "Pending"}}
    assert isinstance(simple.judge_claim(Sight(obj, {"StorageClass": classes})), Ready) is ready


def test_refused_names_fail_a_crd() -> None:
    conditions = [{"type": "NamesAccepted", "status": "False", "message": "taken"}]
    assert isinstance(simple.judge_crd(Sight({"status": {"conditions": conditions}})), Failed)


@pytest.mark.parametrize(
    ("text", "ready"),
    [
        ("condition=Done", True),
        ("condition=Done=false", False),
        ("jsonpath={.status.phase}=Up", True),
        ("jsonpath={.status.other}", False),
        ('["condition=Done", "jsonpath={.status.phase}"]', True),
    ],
)
def test_wait_for_forms(text: str, ready: bool) -> None:
    obj = {"status": {"phase": "Up", "conditions": [{"type": "Done", "status": "True"}]}}
    assert isinstance(waitfor.judge(Sight(obj), waitfor.parse(text)), Ready) is ready


@pytest.mark.parametrize("text", ["ready", "jsonpath=x", "[1]", "[condition"])
def test_bad_wait_for_is_refused(text: str) -> None:
    with pytest.raises(waitfor.BadConditionError):
        waitfor.parse(text)


def test_annotations_skip_and_limit_the_wait() -> None:
    def notes(**values: str) -> dict[str, Any]:
        return {"metadata": {"annotations": {f"pulumi.com/{key}": value for key, value in values.items()}}}

    assert rule_for(Kind("apps/v1", "Deployment"), notes(skipAwait="true")) is None
    assert rule_for(Kind("apps/v1", "Deployment"), notes(skipAwait="false")) is not None
    assert seconds_for(0, notes(timeoutSeconds="30"), 600) == 30
    assert seconds_for(5, notes(timeoutSeconds="30"), 600) == 5
    with pytest.raises(ValueError, match="not a positive number"):
        seconds_for(0, notes(timeoutSeconds="soon"), 600)


def test_selector_is_written_as_the_api_takes_it() -> None:
    expressions = [
        {"key": "a", "operator": "In", "values": ["1", "2"]},
        {"key": "b", "operator": "DoesNotExist"},
        {"key": "c", "operator": "Exists"},
    ]
    assert selector_text({"matchLabels": {"x": "y"}, "matchExpressions": expressions}) == "x=y,a in (1,2),!b,c"


class Script(Clock):
    """A clock that jumps, and is cancelled at its end."""

    def __init__(self, end: float) -> None:
        self.time, self.end = 0.0, end

    def now(self) -> float:
        """Return the script's time."""
        return self.time

    def pause(self, seconds: float) -> bool:
        """Jump, and say whether the end is past."""
        self.time += seconds
        return self.time > self.end


OBJ: dict[str, Any] = {"metadata": {"name": "x", "uid": "u"}, "n": 0}


def counting(limit: int) -> Rule:
    return Rule(lambda sight: Ready() if sight.obj["n"] >= limit else Waiting(f"{sight.obj['n']} of {limit}"))


def run(rule: Rule, clock: Clock, seconds: float, told: list[str]) -> dict[str, Any]:
    state = dict(OBJ)

    def read() -> dict[str, Any]:
        state["n"] += 1
        return dict(state)

    return wait_ready("X x", dict(OBJ), rule, read, lambda *_: [], told.append, clock, seconds)


def test_wait_ends_with_the_newest_object_and_tells_each_reason_once() -> None:
    told: list[str] = []
    assert run(counting(3), Script(1000), 100, told)["n"] == 3
    assert [text.split(" (")[0] for text in told] == ["0 of 3", "1 of 3", "2 of 3"]


@pytest.mark.parametrize(("end", "seconds", "text"), [(1000.0, 5.0, "not ready after 5 s"), (3.0, 100.0, "cancelled")])
def test_wait_that_ends_badly_keeps_the_object(end: float, seconds: float, text: str) -> None:
    with pytest.raises(InitFailedError, match=text) as failed:
        run(counting(10**6), Script(end), seconds, [])
    assert failed.value.live["n"] > 0


def test_deletion_is_over_when_another_object_has_the_name() -> None:
    wait_gone("X x", "u", lambda: {"metadata": {"uid": "other"}}, lambda _: None, Script(10), 5)


def test_stuck_deletion_tells_what_holds_it() -> None:
    live = {"metadata": {"uid": "u", "finalizers": ["f"]}}
    with pytest.raises(PluginError, match=r"still there 5 s .* finalizers f"):
        wait_gone("X x", "u", lambda: live, lambda _: None, Script(1000), 5)
