"""Routes follow the gateway's ports, the model's protocols and the names given."""

from typing import Any

from components.routing.specs import plan_routing, virtual_service_spec
from components.routing.split import plan_split
from stacks.config import GatewayConfig, Model, Serving, Traffic, Version, VersionNames

VERSION = Version(uri="s3://ml-models/resnet/1", names=VersionNames(service="resnet-serving"))
TRAFFIC = Traffic(stable="v1")


def spec_of(model: Model, gateway: GatewayConfig, serving: Serving | None = None) -> dict[str, Any]:
    routing = plan_routing("resnet", model, serving or Serving(), gateway, "mesh/gateway")
    return dict(virtual_service_spec(plan_split(model.traffic, model.versions), routing))


def test_a_gateway_port_that_is_off_has_no_routes():
    model = Model(versions={"v1": VERSION}, traffic=TRAFFIC)
    assert [route["name"] for route in spec_of(model, GatewayConfig(http=None))["http"]] == ["grpc-split"]
    assert [route["name"] for route in spec_of(model, GatewayConfig(grpc=None))["http"]] == ["rest-split"]


def test_a_protocol_the_model_lacks_has_no_routes():
    model = Model(versions={"v1": VERSION}, traffic=TRAFFIC, protocols=("rest",))
    assert [route["name"] for route in spec_of(model, GatewayConfig())["http"]] == ["rest-split"]


def test_given_names_ports_and_hosts_are_used():
    model = Model(
        versions={"v1": VERSION},
        traffic=TRAFFIC,
        servable="image_classifier",
        hosts=("resnet.example.com",),
        grpc_port=9000,
        http_port=9001,
        request_timeout_seconds=5,
    )
    spec = spec_of(model, GatewayConfig(http=8080), Serving(namespace="models"))
    grpc, rest = spec["http"]
    assert spec["hosts"] == ["resnet.example.com"]
    assert spec["gateways"] == ["mesh/gateway"]
    assert grpc["route"][0]["destination"] == {
        "host": "resnet-serving.models.svc.cluster.local",
        "subset": "v1",
        "port": {"number": 9000},
    }
    assert rest["route"][0]["destination"]["port"] == {"number": 9001}
    assert rest["match"][0] == {"port": 8080, "uri": {"exact": "/v1/models/image_classifier"}}
    assert rest["timeout"] == "5s"


def test_retries_can_be_switched_off():
    model = Model(versions={"v1": VERSION}, traffic=TRAFFIC)
    for route in spec_of(model, GatewayConfig(), Serving(retries=0))["http"]:
        assert route["retries"] == {"attempts": 0}
