"""Image archives: what the OCI image layout asks for, and the same bytes for the same content."""

import hashlib
import json
import os
import tarfile
from pathlib import Path

from embedded.oci import Image, write_image, write_layer


def _image(folder: Path) -> Path:
    folder.mkdir()
    program = folder / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    write_layer(folder / "layer.tar", {"/usr/bin/program": program})
    image = Image(
        name="crossfade.local/x:1", layers=(folder / "layer.tar",), entrypoint=("/usr/bin/program",), user="1"
    )
    write_image(folder / "image.tar", image)
    return folder / "image.tar"


def _blobs(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def test_every_blob_has_the_digest_of_its_name(tmp_path: Path) -> None:
    blobs = _blobs(_image(tmp_path / "a"))
    for name, data in blobs.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"


def test_index_leads_to_manifest_config_and_layers(tmp_path: Path) -> None:
    blobs = _blobs(_image(tmp_path / "a"))
    entry = json.loads(blobs["index.json"])["manifests"][0]
    assert entry["annotations"]["io.containerd.image.name"] == "crossfade.local/x:1"
    manifest = json.loads(blobs[f"blobs/sha256/{entry['digest'].removeprefix('sha256:')}"])
    config = json.loads(blobs[f"blobs/sha256/{manifest['config']['digest'].removeprefix('sha256:')}"])
    assert config["config"]["User"] == "1"
    assert config["config"]["Entrypoint"] == ["/usr/bin/program"]
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    for layer in manifest["layers"]:
        assert len(blobs[f"blobs/sha256/{layer['digest'].removeprefix('sha256:')}"]) == layer["size"]


def test_same_content_gives_the_same_archive_whatever_its_times(tmp_path: Path) -> None:
    first = _image(tmp_path / "a")
    second = tmp_path / "b"
    second.mkdir()
    program = second / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    os.utime(program, (1, 1))
    write_layer(second / "layer.tar", {"/usr/bin/program": program})
    assert (second / "layer.tar").read_bytes() == (first.parent / "layer.tar").read_bytes()


def test_layer_holds_parent_folders_before_files(tmp_path: Path) -> None:
    _image(tmp_path / "a")
    with tarfile.open(tmp_path / "a" / "layer.tar") as tar:
        assert tar.getnames() == ["usr", "usr/bin", "usr/bin/program"]
