"""What is in the images of this machine: run in them, not beside them."""

import pytest

from tests.images.containers import FOREIGN, PROGRAM, TARGETS, VARIANTS, name_of, run_inside, why_absent

pytestmark = pytest.mark.slow
ON_GPU = """
import ctypes, logging, pathlib

import onnxruntime

from steps.runtime.onnx_session import providers

logging.basicConfig()
onnxruntime.preload_dlls()
try:
    ctypes.CDLL(str(pathlib.Path(onnxruntime.__file__).parent / "capi/libonnxruntime_providers_cuda.so"))
except OSError as error:
    print(str(error).partition(":")[0])
print(providers())
"""
SITE = "/opt/venv/lib/python3*/site-packages"


@pytest.fixture(params=[*TARGETS, *VARIANTS])
def target(request: pytest.FixtureRequest) -> str:
    """Return a target whose image is here."""
    name = str(request.param)
    if why := why_absent(name_of(name)):
        pytest.skip(why)
    return name


def faults_after(change: str, target: str) -> str:
    """Return what the program says in an image of `target` after a shell command has changed it."""
    if why := why_absent(name_of(target)):
        pytest.skip(why)
    words = f"{change} && exec python - {target} {','.join(FOREIGN[target])}"
    done = run_inside(name_of(target), "sh", "-c", words, text=PROGRAM, user="0")
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_image_has_what_its_steps_need_and_no_more_when_its_packages_are_looked_for_inside(target: str) -> None:
    done = run_inside(
        name_of(target), "python", "-", VARIANTS.get(target, target), ",".join(FOREIGN[target]), text=PROGRAM
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_steps_answer_with_their_help_when_the_image_runs_them(target: str) -> None:
    done = run_inside(name_of(target), "python", "-m", "steps", "--help")
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout


def test_missing_package_is_named_when_a_step_imports_it_at_once() -> None:
    assert "pycocotools is missing, which steps.dataset.masks imports" in faults_after(
        f"rm -r {SITE}/pycocotools", "core"
    )


def test_missing_package_is_named_when_a_step_imports_it_only_in_a_function() -> None:
    assert "tensorboard is missing, which steps.train" in faults_after(f"rm -r {SITE}/tensorboard", "train")


def test_foreign_package_is_named_when_torch_is_in_serve() -> None:
    change = f"for site in {SITE}; do mkdir $site/torch && touch $site/torch/__init__.py; done"
    assert "torch must not be in serve" in faults_after(change, "serve")


@pytest.mark.parametrize(("target", "most_mb"), [("core", 600), ("serve", 750)])
def test_image_is_small_enough_to_be_pulled_in_seconds(target: str, most_mb: int) -> None:
    if why := why_absent(name_of(target)):
        pytest.skip(why)
    done = run_inside(
        name_of(target), "du", "-sx", "--block-size=1MB", "/usr", "/opt", "/var", "/etc", "/app", user="0"
    )
    assert done.returncode == 0, done.stderr
    sizes = {line.split()[1]: int(line.split()[0]) for line in done.stdout.splitlines()}
    assert sum(sizes.values()) <= most_mb, sizes


def test_network_runs_on_the_cpu_and_says_why_when_there_is_no_gpu_to_run_on() -> None:
    """Its libraries are all there: what is missing is the driver, which a node with a GPU brings."""
    if why := why_absent(name_of("serve-cuda")):
        pytest.skip(why)
    done = run_inside(name_of("serve-cuda"), "python", "-", text=ON_GPU)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "libcuda.so.1\n['CPUExecutionProvider']\n"
    assert "there is no GPU: libcuda.so.1: cannot open shared object file" in done.stderr
