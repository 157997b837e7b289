"""The store: least rights, protected data, credentials that stay put."""

import json
from copy import deepcopy
from typing import Any

import pytest

from components.storage.bucket_policy import accounts_file, bucket_policy
from components.storage.keys import AccessKeyProvider
from components.storage.setup import SCRIPT, job
from components.storage.store import CLAIM
from crossfade.publishing import upload
from stacks.config.parse import parse_stack
from tests.unit.components.graph import Graph, dev_sections, graph_of


def stored(**changes: object) -> Graph:
    sections: dict[str, Any] = deepcopy(dev_sections())
    sections["storage"] |= changes
    return graph_of(sections)


def actions_of(principal: str) -> set[str]:
    policy = json.loads(bucket_policy("models", reader="R", writer="W"))
    return {
        action
        for statement in policy["Statement"]
        if principal in statement["Principal"]["AWS"]
        for action in statement["Action"]
    }


def test_reader_reads_and_lists_and_nothing_else():
    assert actions_of("R") == {"s3:GetObject", "s3:ListBucket"}


def test_writer_adds_and_deletes_nothing_but_its_claim():
    assert "s3:PutObject" in actions_of("W")
    policy = json.loads(bucket_policy("models", reader="R", writer="W"))
    deleting = [each for each in policy["Statement"] if any("Delete" in action for action in each["Action"])]
    assert [(each["Principal"]["AWS"], each["Action"], each["Resource"]) for each in deleting] == [
        (["W"], ["s3:DeleteObject"], [f"arn:aws:s3:::models/*/{CLAIM}"])
    ]


def test_publishing_and_the_policy_mean_the_same_claim():
    assert upload.CLAIM == CLAIM


def test_policy_only_allows_and_only_this_bucket():
    policy = json.loads(bucket_policy("models", reader="R", writer="W"))
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert "*" not in statement["Principal"]["AWS"]
        for resource in statement["Resource"]:
            assert resource == "arn:aws:s3:::models" or resource.startswith("arn:aws:s3:::models/")


def test_accounts_own_nothing():
    accounts = json.loads(accounts_file(("A", "a"), ("B", "b")))["accessAccounts"]
    assert {name: each["role"] for name, each in accounts.items()} == {"A": "user", "B": "user"}


def test_data_is_protected_with_all_that_holds_it():
    graph = stored(volume={"hostPath": "/srv/models"})
    assert {node.type.rpartition(":")[2] for node in graph if node.protect} == {
        "Namespace",
        "PersistentVolume",
        "PersistentVolumeClaim",
    }
    claim = graph.one("PersistentVolumeClaim", "store-claim")
    for kind, name in (("Namespace", "store-namespace"), ("PersistentVolume", "store-volume")):
        assert graph.reaches(claim, graph.one(kind, name))


def test_nothing_protected_waits_for_something_that_goes():
    graph = stored(volume={"hostPath": "/srv/models"})
    for node in graph:
        if node.protect:
            assert all(graph.nodes[key].protect for key in node.depends_on), node.key


def test_retain_false_protects_nothing():
    assert not [node for node in stored(retain=False) if node.protect]


def test_volume_of_a_node_is_bound_to_this_claim_alone():
    graph = stored(volume={"hostPath": "/srv/models", "node": "n1"})
    volume, claim = graph.of("PersistentVolume")[0].inputs, graph.of("PersistentVolumeClaim")[0].inputs
    assert volume["spec"]["claimRef"] == {
        "namespace": claim["metadata"]["namespace"],
        "name": claim["metadata"]["name"],
    }
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert "n1" in json.dumps(volume["spec"]["nodeAffinity"])


def test_storage_class_is_left_to_the_cluster_unless_given():
    assert "storageClassName" not in stored().of("PersistentVolumeClaim")[0].inputs["spec"]
    assert stored(storageClass="fast").of("PersistentVolumeClaim")[0].inputs["spec"]["storageClassName"] == "fast"


def test_two_servers_never_write_one_volume():
    spec = stored().one("Deployment", "store-server").inputs["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_changed_policy_makes_a_new_job_that_may_run_beside_the_old():
    config = parse_stack(dev_sections()).storage
    one, other = (job(config, "http://s3:7070", policy) for policy in ("one", "other"))
    assert one["spec"]["template"] != other["spec"]["template"]
    assert "name" not in stored().one("Job", "store-bucket").inputs["metadata"]


def test_credentials_are_on_no_command_line():
    for line in SCRIPT.splitlines():
        if "ROOT_" in line:
            assert line.strip().startswith("printf "), line  # a builtin of the shell: no process is started


def test_server_restarts_when_a_key_changes():
    template = stored().one("Deployment", "store-server").inputs["spec"]["template"]
    assert template["metadata"]["annotations"]["crossfade/accounts"] == (
        "id-of-store-root-key id-of-store-writer-key id-of-store-reader-key"
    )


def test_only_readers_reach_the_server():
    spec = stored().one("NetworkPolicy", "store-server-network").inputs["spec"]
    (rule,) = spec["ingress"]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "serving"}}} in rule["from"]
    assert len(rule["from"]) == 2
    assert spec["egress"] == []


def test_keys_are_random_and_well_formed():
    made = [AccessKeyProvider().create({}) for _ in range(50)]
    assert len({each.id for each in made}) == 50
    for each in made:
        assert each.outs is not None
        assert len(each.outs["access_key_id"]) == 20
        assert len(each.outs["secret_access_key"]) == 40
        assert each.id == each.outs["access_key_id"]


@pytest.mark.parametrize("olds", [{}, {"__provider": "older code"}])
def test_keys_never_change_by_themselves(olds: dict[str, Any]):
    assert AccessKeyProvider().diff("id", olds, {"__provider": "newer code"}).changes is False
