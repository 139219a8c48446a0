"""What the images are built from: targets, layers, and the command that builds them."""

import json
import os
import re
import runpy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from steps.contract import Step
from tests.images.containers import FOREIGN, TARGETS, VARIANTS

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "images/Dockerfile").read_text(encoding="utf-8")
LAYERS_OF: Callable[[Path], dict[str, list[str]]] = runpy.run_path(str(ROOT / "images/layers.py"))["layers_of"]


def build(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    own = {
        name: value for name, value in os.environ.items() if name not in {"REGISTRY", "TAG", "TORCH_INDEX", "ENGINE"}
    }
    command = [str(ROOT / "images/build"), *words]
    return subprocess.run(command, env=own | variables, capture_output=True, text=True, timeout=60, check=False)


def stage_of(target: str) -> str:
    return re.split(r"^FROM ", DOCKERFILE.partition(f" AS {target}\n")[2], flags=re.MULTILINE)[0]


def test_targets_are_the_same_when_contracts_and_build_files_name_them() -> None:
    contracts = get_args(get_type_hints(Step)["image"])
    assert sorted(contracts) == sorted(TARGETS)
    assert set(FOREIGN) == {*TARGETS, *VARIANTS}
    build = (ROOT / "images/build").read_text(encoding="utf-8")
    assert f"TARGETS=({' '.join(TARGETS)})\nVARIANTS=({' '.join(VARIANTS)})\n" in build
    bake = (ROOT / "images/docker-bake.hcl").read_text(encoding="utf-8")
    by_default, known = (json.loads(f"[{names}]") for names in re.findall(r'(?<=\[)"core".*?(?=\])', bake))
    assert (by_default, known) == ([*TARGETS], [*TARGETS, *VARIANTS])


def test_arguments_are_declared_when_bake_and_build_give_them() -> None:
    for name in ("PYTHON_IMAGE", "TORCH_INDEX", "VERSION", "REVISION", "SOURCE"):
        assert re.search(rf"^ARG .*\b{name}=", DOCKERFILE, re.MULTILINE)
        assert f'variable "{name}"' in (ROOT / "images/docker-bake.hcl").read_text(encoding="utf-8")
        assert name in (ROOT / "images/build").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", [*TARGETS, *VARIANTS])
def test_code_comes_after_all_packages_and_user_is_a_number_when_an_image_ends(target: str) -> None:
    stage = stage_of(target)
    assert stage.rindex("COPY --from=") < stage.index("COPY steps /app/steps") < stage.index("USER 8737")
    assert "org.opencontainers.image.revision=$REVISION" in stage
    assert ("HEALTHCHECK" in stage) == (target.partition("-")[0] == "serve")


def test_every_locked_package_is_in_one_layer_when_the_locks_are_parted() -> None:
    layers = LAYERS_OF(ROOT / "requirements")
    names = {layer: [entry.split("==")[0] for entry in entries] for layer, entries in layers.items()}
    lock = (ROOT / "requirements/train.txt").read_text(encoding="utf-8")
    train = names["core"] + names["torch"] + names["train"]
    assert sorted(train) == sorted(re.findall(r"^[a-z0-9-]+(?===)", lock, re.MULTILINE))
    together = layers["core"] + layers["torch"] + layers["train"]
    assert len(together) == len(set(together))
    assert {"torch", "torchvision", "triton"} < set(names["torch"])
    assert "fastapi" in names["serve"]
    assert names["serve-cuda"] == ["onnxruntime-gpu"]
    assert "nvidia-cudnn-cu13" in names["cuda"]
    assert all("--hash=sha256:" in entry for entries in layers.values() for entry in entries)


def test_parting_refuses_when_a_package_of_core_is_locked_differently(tmp_path: Path) -> None:
    for image, version in (("core", "1.0"), ("serve", "1.0"), ("serve-cuda", "1.0"), ("train", "1.1")):
        (tmp_path / f"{image}.txt").write_text(f"numpy=={version} \\\n    --hash=sha256:0\n", encoding="utf-8")
    with pytest.raises(
        SystemExit, match=r"numpy==1\.0: in core\.txt, and not the same in train\.txt\n  hint: make lock"
    ):
        LAYERS_OF(tmp_path)


def test_both_builds_of_onnx_runtime_have_one_version() -> None:
    versions = [
        re.search(rf"^{package}==(\S+)", (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8"), re.MULTILINE)
        for lock, package in (("core", "onnxruntime"), ("serve-cuda", "onnxruntime-gpu"))
    ]
    assert len({found[1] for found in versions if found}) == 1, "the files of one take the place of the other's"


@pytest.mark.parametrize("engine", ["docker", "buildah"])
def test_dry_run_tells_the_commands_when_an_engine_is_named(engine: str) -> None:
    done = build("--dry-run", f"--engine={engine}", "--push", "serve", REGISTRY="localhost:5000/team", TAG="1.2.3")
    assert done.returncode == 0, done.stderr
    assert f"'{engine}'" in done.stdout
    if engine == "buildah":
        assert "'localhost:5000/team/serve:1.2.3'" in done.stdout
        assert "'--tls-verify=false'" in done.stdout


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("serv", "unknown target serv\n  hint: the targets are: core serve train serve-cuda"),
        ("--tag=", "unknown or empty option --tag=\n  hint: options are written --name=value"),
        ("--tag=a b", "tag a b is not one\n  hint:"),
        ("--registry=https://example.com", "registry https://example.com is not a name\n  hint:"),
        ("--torch-index=cpu", "torch index cpu is not a URL\n  hint:"),
        ("--engine=podman", "unknown engine podman\n  hint: docker or buildah"),
    ],
)
def test_build_refuses_with_a_way_out_when_the_call_is_wrong(word: str, told: str) -> None:
    done = build("--dry-run", word)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_help_names_every_option_when_asked() -> None:
    done = build("--help")
    assert done.returncode == 0
    written = (ROOT / "images/build").read_text(encoding="utf-8")
    for option in re.findall(r"^ +(--[a-z-]+)(?:=\?\*|=\*)?\)", written, re.MULTILINE):
        assert option in done.stdout
