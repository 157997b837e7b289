"""The demo's steps, in a user's own order: platform up, publish a version, declare it, `pulumi up`, look at the split.

Each step finds out what is done already, so that a second run is short and an interrupted one resumes.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossfade import plugins, workspace
from crossfade.commands import env, load, publish, train
from crossfade.console import Steps, note, out
from crossfade.demo import report, stackfile
from crossfade.engine import Engine, stream
from crossfade.errors import CrossfadeError, InputError, ServerError
from crossfade.publishing.store import Target, stack_store
from crossfade.stack import Stack
from crossfade.traffic import split

MODEL = "mnist"
MATCH_REQUESTS = 100
SETTLE_SECONDS = 3.0
READY_SECONDS = 90.0


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The job on one stack. `requests` are sent over each of the two APIs."""

    place: workspace.Workspace
    stack: str
    requests: int
    picture: Path | None

    def run(self) -> None:
        """Run all steps. Raises CrossfadeError where one fails, a request fails, or the split is off."""
        steps = Steps(6)
        new = self.place.prepare()
        if stackfile.settle_salt(self.place, self.stack, new_passphrase=new):
            note("The stack file's salt belonged to a passphrase that is gone and encrypted nothing: removed.")
        engine = Engine(self.place, self.stack)
        models = self._models()
        with steps.step("Cluster: a Kubernetes node in a network namespace", "20 min the first time, else seconds"):
            stream([sys.executable, "-m", "crossfade.cli", "cluster", "up"], self.place, "bringing up the cluster")
        plugins.ensure(self.place)
        env.write(self.place)
        with steps.step("Platform: bucket, keys and mesh (pulumi up)", "3 min the first time, else 30 s"):
            self._platform(engine)
        with steps.step(
            f"Models: training {len(models)} versions on real digits", "1 min the first time, else seconds"
        ):
            for version in models:
                # In a process of its own: TensorFlow keeps its memory until the process ends.
                command = ["train", MODEL, "--version", str(version)]
                stream([sys.executable, "-m", "crossfade.cli", *command], self.place, "training")
        with steps.step("Publish: one immutable path a version", "seconds"):
            self._publish(models)
        with steps.step(
            "Declare: versions and weights of the stack file (pulumi up)", "1 min the first time, else 30 s"
        ):
            engine.up(what="pulumi up")
        with steps.step(f"Requests: {self.requests} held-out digits over gRPC, as many over REST", "20 s"):
            runs, matches = self._measure()
        out.print()
        report.show(runs, matches)
        server = self._server_name()
        out.print(f"Served by {server}. Everything took {steps.elapsed()}.", soft_wrap=True)
        if self.picture:
            report.picture(runs, self.picture, server)
            note(f"Picture: {self.picture}")
        self._farewell()
        if not all(run.good for run in (*runs, *matches)):
            raise CrossfadeError("the split is not as declared, or requests failed: see the table above.")

    def _models(self) -> dict[int, str]:
        """Return servable version → uri of the declared versions that the demo knows how to train."""
        found: dict[int, str] = {}
        for key, version in self._config().get("versions", {}).items():
            number = str(version.get("uri", "")).rstrip("/").rpartition("/")[2]
            if number.isdigit() and int(number) in train.VERSIONS:
                found[int(number)] = version["uri"]
            else:
                note(f"Version {key} ({version.get('uri')}) is none that the demo trains: publish it yourself.")
        if not found:
            raise InputError(
                f"{self.place.stack_file(self.stack)} declares no version of {MODEL} whose uri ends in /1 or /2. "
                "The demo trains and publishes these two; see docs/stack-file.md."
            )
        return found

    def _config(self) -> dict[str, Any]:
        return Stack(self.stack, self.place).config.get("models", {}).get(MODEL, {})

    def _platform(self, engine: Engine) -> None:
        engine.unlock()
        engine.select()
        engine.settle_cluster()
        engine.mend()
        state = engine.state()
        if any(resource["type"] == "crossfade:serving:ModelServer" for resource in state.get("resources") or []):
            note("The stack has models already: the platform is part of the next `pulumi up`.")
            return
        own = self.place.stack_file(self.stack)
        without = self.place.home / "demo" / own.name
        stackfile.without_models(own, without)
        engine.up(without, what="pulumi up of the platform")
        stackfile.keep_salt(without, own)

    def _publish(self, models: dict[int, str]) -> None:
        stack = Stack(self.stack, self.place)
        targets = {version: Target.parse(uri) for version, uri in models.items()}
        with stack_store(stack, next(iter(targets.values()))) as client:
            for version, target in targets.items():
                outcome = publish.upload(client, target, self.place.model(MODEL, version))
                note(f"  {target}: " + ("published before, kept" if outcome.already else f"{outcome.uploaded} files"))

    def _measure(self) -> tuple[list[report.Measured], list[report.Matched]]:
        stack = Stack(self.stack, self.place)
        traffic = self._config()["traffic"]
        shares = {name: weight / 100 for name, weight in stack.outputs["models"][MODEL]["traffic"].items()}
        servers = {"grpc": stack.server("grpc"), "rest": stack.server("http")}
        runs: list[report.Measured] = []
        matches: list[report.Matched] = []
        for protocol, server in servers.items():
            self._until_ready(protocol, server)
        # Answers come as soon as the gateway has any routes; these may still be the last ones. Istio gathers changes
        # for a moment before it sends them to the gateway (PILOT_DEBOUNCE_AFTER 0.1 s, _MAX 10 s).
        time.sleep(SETTLE_SECONDS)
        for protocol, server in servers.items():
            result = load.send(server, protocol, model=MODEL, requests=self.requests)
            counts = {version: found.requests for version, found in result.versions.items()}
            runs.append(report.Measured(result, split.bands(shares, counts)))
            for match in traffic.get("match") or []:
                headers = {name: rule.get("exact") for name, rule in match.get("headers", {}).items()}
                if headers and all(headers.values()):
                    sent = load.send(
                        server, protocol, model=MODEL, requests=MATCH_REQUESTS, headers=(tuple(headers.items()),)
                    )
                    matches.append(report.Matched(sent, headers, match["version"]))
                    break  # a later match may name headers that an earlier one takes
        return runs, matches

    def _until_ready(self, protocol: str, server: str) -> None:
        """Wait for a first answer: a new gateway's port opens a moment after `pulumi up` ends."""
        until = time.monotonic() + READY_SECONDS
        while (result := load.send(server, protocol, model=MODEL, requests=1, deadline=5.0)).failed:
            if time.monotonic() > until:
                raise ServerError(
                    f"{server} gave no good {protocol} answer within {READY_SECONDS:.0f} s: {result.failures}.\n"
                    "Look at the gateway and the model's pods: `. .crossfade/env && kubectl get pods -A`."
                )
            time.sleep(1)

    def _server_name(self) -> str:
        image = Stack(self.stack, self.place).config.get("serving", {}).get("image", "tensorflow/serving")
        if "stand-in" in image:
            return f"the stand-in for TensorFlow Serving, {image} (its API and flags, Python inside)"
        return image

    def _farewell(self) -> None:
        out.print("\nMove the weight with one command:")
        command = (
            f". .crossfade/env && pulumi config set --path crossfade:models.{MODEL}.traffic.canary.weight 50 "
            "&& pulumi up --yes"
        )
        out.print(f"  [bold]{command}[/]", soft_wrap=True)
