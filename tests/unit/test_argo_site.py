"""`config/site.yaml`: what is read, and what is refused."""

from pathlib import Path

import pytest
import yaml

from steps import __version__
from workflows.argo.site import SITE, SiteError, read_site


def test_project_site_file_is_read_with_the_release_as_tag() -> None:
    site = read_site()
    assert site.image("train") == f"argosight/train:{__version__}"
    assert site.size("gpu").gpus == 1
    assert site.gpu.tolerations[0].key == "nvidia.com/gpu"


def test_image_is_replaced_whole_when_named(tmp_path: Path) -> None:
    path = _site(tmp_path, images={"train": "elsewhere/train@sha256:0"})
    assert read_site(path).image("train") == "elsewhere/train@sha256:0"
    assert read_site(path).image("core").startswith("argosight/core:")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"registri": "x"}, "registri"),
        ({"user": 0}, "user: Input should be greater than or equal to 1"),
        ({"run-deadline": "2 days"}, "run-deadline: .*should be a duration"),
        ({"sizes": {"small": {"cpu": "a lot", "memory": "1Gi", "memory-limit": "1Gi"}}}, "sizes.small.cpu"),
    ],
)
def test_entry_is_refused_by_name_when_wrong(tmp_path: Path, change: dict[str, object], found: str) -> None:
    with pytest.raises(SiteError, match=f"{found}.*\n  hint: "):
        read_site(_site(tmp_path, **change))


def test_absent_file_and_broken_yaml_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="no site file at"):
        read_site(tmp_path / "none.yaml")
    (tmp_path / "site.yaml").write_text("a: [")
    with pytest.raises(SiteError, match="hint: mend the YAML"):
        read_site(tmp_path / "site.yaml")


def test_unknown_size_is_refused_with_those_there_are() -> None:
    with pytest.raises(SiteError, match=r"no size 'huge' .*\n  hint: .*small, medium"):
        read_site().size("huge")


def _site(folder: Path, **change: object) -> Path:
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(SITE.read_text()) | change))
    return path
