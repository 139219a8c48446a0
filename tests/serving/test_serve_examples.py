"""docs/serving-api.md: its examples work as they stand there."""

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from steps.serve.app import create_app
from steps.serve.limits import Limits
from tests.browser import Browser
from tests.serving.engine import Engine, serving
from tests.serving.pictures import picture
from tests.serving.videos import video

PAGE = (Path(__file__).parents[2] / "docs" / "serving-api.md").read_text()
EXAMPLES = {language: re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) for language in ("sh", "python", "js")}


@pytest.fixture(scope="module")
def url(engine: Engine) -> Iterator[str]:
    with serving(create_app(engine, Limits(cors_origins=("null",)))) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "picture.jpg").write_bytes(picture(64, 64))
    (tmp_path / "video.mp4").write_bytes(video(frames=2))
    return tmp_path


def test_commands_work_when_they_are_pasted(url: str, folder: Path) -> None:
    commands = EXAMPLES["sh"][0].replace("curl ", "curl -sS --fail-with-body ")
    script = f"set -e\nURL={url}\n{commands}"
    said = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.count('"name":"plane"') == 4
    assert '"state":"waiting"' in said.stdout
    drawn = cv2.imread(str(folder / "boxes.png"))
    assert drawn is not None
    assert drawn.shape == (64, 64, 3)


@pytest.mark.parametrize(("at", "said"), [(0, "plane 0.9 {'x1': 8.0"), (1, "0.1 ['plane', 'helicopter']")])
def test_python_works_when_it_is_pasted(url: str, folder: Path, at: int, said: str) -> None:
    program = f"URL = {url!r}\n{EXAMPLES['python'][at]}"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert said in ended.stdout, ended.stderr


@pytest.mark.slow
def test_javascript_works_when_it_is_pasted_into_a_page_elsewhere(url: str) -> None:
    content = base64.b64encode(picture(64, 64)).decode()
    with Browser() as browser:
        names = browser.evaluate(f"""(async () => {{
            const URL = '{url}';
            const bytes = Uint8Array.from(atob('{content}'), letter => letter.charCodeAt(0));
            const file = new File([bytes], 'a.jpg');
            {EXAMPLES["js"][0]}
            return names.join();
        }})()""")
    assert names == "plane,helicopter"
