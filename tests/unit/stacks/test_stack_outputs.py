"""Outputs are plain values under stable names, and hold no secret."""

import json
from pathlib import Path

import yaml

from stacks.config.parse import parse_stack
from stacks.outputs import as_exports, plan_outputs

ROOT = Path(__file__).resolve().parents[3]


def exports_of(name: str) -> dict[str, object]:
    config = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))["config"]
    return as_exports(plan_outputs(parse_stack({key.partition(":")[2]: value for key, value in config.items()})))


def test_outputs_of_the_dev_stack():
    assert exports_of("Pulumi.dev.yaml") == {
        "gateway": {
            "namespace": "istio-ingress",
            "service": "istio-ingressgateway",
            "serviceType": "NodePort",
            "httpPort": 80,
            "grpcPort": 31400,
            "nodePorts": {"http": 30080, "grpc": 31400},
        },
        "storage": {
            "kind": "inCluster",
            "bucket": "ml-models",
            "region": "us-east-1",
            "namespace": "crossfade-storage",
            "service": "s3",
            "port": 7070,
            "writerSecret": "s3-writer",
            "readerSecret": "s3-reader",
            "secretKeys": {"accessKeyId": "access_id", "secretAccessKey": "access_key"},
        },
        "serving": {"namespace": "serving"},
        "models": {
            "mnist": {
                "servable": "mnist",
                "hosts": ["*"],
                "service": "mnist",
                "virtualService": "mnist",
                "versions": {
                    key: {
                        "uri": f"s3://ml-models/mnist/{number}",
                        "servableVersion": number,
                        "replicas": 2,
                        "deployment": f"mnist-{key}",
                        "service": f"mnist-{key}",
                    }
                    for number, key in enumerate(("v1", "v2"), start=1)
                },
                "traffic": {"v1": 70, "v2": 30},
            }
        },
    }


def test_names_of_models_and_versions_are_not_rewritten():
    exports = exports_of("tests/config/happy/servables-by-path.yaml")
    models = exports["models"]
    assert isinstance(models, dict)
    assert list(models) == ["image-classifier"]
    assert models["image-classifier"]["traffic"] == {"resnet50": 70, "resnet101": 30}


def test_outputs_can_be_written_as_json():
    for path in sorted((ROOT / "tests" / "config" / "happy").glob("*.yaml")):
        exports = exports_of(str(path.relative_to(ROOT)))
        assert json.loads(json.dumps(exports)) == exports
