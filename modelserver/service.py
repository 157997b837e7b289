"""The methods of PredictionService and ModelService, as both gRPC and REST call them.

MultiInference is not here: the stand-in answers UNIMPLEMENTED to it.
"""

# Generated protos declare their messages at run time, where the type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from concurrent.futures import Executor
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from google.protobuf.message import Message
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from modelserver import examples, predict
from modelserver.core import Core
from modelserver.metrics import Metrics
from modelserver.predict import DEFAULT_SIGNATURE, Plan
from modelserver.servable import Servable
from modelserver.status import Code, ServingError, invalid

SIGNATURE_DEF = "signature_def"
_METADATA_FIELDS = (SIGNATURE_DEF,)


@dataclass(frozen=True, kw_only=True)
class Service:
    """The methods over the models of one server.

    Every method raises ServingError with TensorFlow Serving's code and text.
    """

    core: Core
    metrics: Metrics
    check_method: bool = False
    as_content: bool = False

    async def predict(self, request: predict_pb2.PredictRequest, pool: Executor) -> predict_pb2.PredictResponse:
        """Run a signature on tensors. Work that takes long goes to `pool`."""
        with self._find(request) as servable:
            plan = predict.plan(servable, request, check_method=self.check_method)
            outputs = await self.run(request.model_spec.name, "Predict", plan, pool)
            return predict.respond(servable, request.model_spec, plan.aliases, outputs, as_content=self.as_content)

    async def classify(
        self, request: classification_pb2.ClassificationRequest, pool: Executor
    ) -> classification_pb2.ClassificationResponse:
        """Run a classification signature on examples."""
        with self._find(request) as servable:
            plan, count = examples.plan(
                servable,
                examples.CLASSIFY,
                request.model_spec.signature_name,
                request.input,
                check_method=self.check_method,
            )
            outputs = await self.run(request.model_spec.name, "Classify", plan, pool)
            response = classification_pb2.ClassificationResponse()
            _answer_spec(response.model_spec, servable, request.model_spec)
            examples.fill_classes(response.result, plan.aliases, outputs, count)
            self.metrics.examples.add(request.model_spec.name, by=count)
            return response

    async def regress(
        self, request: regression_pb2.RegressionRequest, pool: Executor
    ) -> regression_pb2.RegressionResponse:
        """Run a regression signature on examples."""
        with self._find(request) as servable:
            plan, count = examples.plan(
                servable,
                examples.REGRESS,
                request.model_spec.signature_name,
                request.input,
                check_method=self.check_method,
            )
            outputs = await self.run(request.model_spec.name, "Regress", plan, pool)
            response = regression_pb2.RegressionResponse()
            _answer_spec(response.model_spec, servable, request.model_spec)
            examples.fill_values(response.result, outputs, count)
            self.metrics.examples.add(request.model_spec.name, by=count)
            return response

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Return a version's signatures."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field not in _METADATA_FIELDS:
                raise invalid(f"Metadata field {field} is not supported")
        servable = self.core.find(request.model_spec)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in servable.definitions.items():
            signatures.signature_def[name].CopyFrom(definition)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = servable.name
        response.model_spec.version.value = servable.version
        response.metadata[SIGNATURE_DEF].Pack(signatures)
        return response

    def status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Return the state of one version, or of all versions of a model.

        As in TensorFlow Serving, a label is not looked at.
        """
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        name = request.model_spec.name
        states = self.core.manager.states(name)
        if request.model_spec.HasField("version"):
            number = request.model_spec.version.value
            if number not in states:
                raise ServingError(Code.NOT_FOUND, f"Could not find version {number} of model {name}")
            states = {number: states[number]}
        if not states:
            raise ServingError(Code.NOT_FOUND, f"Could not find any versions of model {name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for number, version in states.items():
            entry = response.model_version_status.add(version=number, state=version.state)
            entry.status.SetInParent()
            if version.error is not None:
                entry.status.error_code = int(version.error.code)  # type: ignore[assignment]
                entry.status.error_message = version.error.message
        return response

    async def reload(
        self, request: model_management_pb2.ReloadConfigRequest
    ) -> model_management_pb2.ReloadConfigResponse:
        """Change the list of models."""
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is "
                "currently supported"
            )
        await self.core.reload(request.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        return response

    async def run(self, model: str, api: str, plan: Plan, pool: Executor) -> list[Any]:
        """Run what was planned and record the runtime's time."""
        start = perf_counter()
        outputs = await plan.signature.run(plan.feeds, plan.fetches, pool)
        self.metrics.runtime_latency.add(model, api, "TF1", micros=(perf_counter() - start) * 1e6)
        return outputs

    def _find(self, request: Message) -> Servable:
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        return self.core.find(request.model_spec)  # type: ignore[attr-defined]


def _answer_spec(answer: model_pb2.ModelSpec, servable: Servable, asked: model_pb2.ModelSpec) -> None:
    answer.name = asked.name
    answer.version.value = servable.version
    answer.signature_name = asked.signature_name or DEFAULT_SIGNATURE
