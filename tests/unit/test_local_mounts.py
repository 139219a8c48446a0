from pathlib import Path
from typing import Any

from workflows.local.mounts import mount_folders, relocate
from workflows.local.template import Template, Volume

WORK = Volume.model_validate({"name": "work", "emptyDir": {}})
MEMORY = Volume.model_validate({"name": "shm", "emptyDir": {"medium": "Memory"}})


def template(**container: Any) -> Template:
    mounts = [{"name": "work", "mountPath": "/work/"}, {"name": "shm", "mountPath": "/dev/shm"}]
    return Template.model_validate(
        {
            "name": "t",
            "inputs": {
                "parameters": [{"name": "p", "default": "/work/p"}],
                "artifacts": [{"name": "a", "path": "/work/in/a"}],
            },
            "outputs": {"parameters": [{"name": "o", "valueFrom": {"path": "/work/out/o"}}]},
            "container": {"command": ["tool"], "volumeMounts": mounts, **container},
        }
    )


def test_paths_are_rewritten_when_the_template_spells_them(tmp_path: Path) -> None:
    one = template(
        args=[
            "--out=/work/out",
            "/work",
            "/workshop",
            "x/work",
            "/other/work/x",
            "a:/work:/b",
            "{{inputs.parameters.p}}",
        ],
        env=[{"name": "STEP_WORK", "value": "/work"}],
        workingDir="/work/here",
    )
    folders = mount_folders(one, [WORK, MEMORY], tmp_path)
    assert folders == {"/work": tmp_path / "work"}
    moved = relocate(one, folders)
    place = str(tmp_path / "work")
    assert moved.container
    assert moved.container.args == [
        f"--out={place}/out", place, "/workshop", "x/work", "/other/work/x", f"a:{place}:/b", "{{inputs.parameters.p}}",
    ]  # fmt: skip
    assert moved.container.env[0].value == place
    assert moved.container.working_dir == f"{place}/here"
    assert moved.inputs.artifacts[0].path == f"{place}/in/a"
    assert moved.outputs.parameters[0].value_from
    assert moved.outputs.parameters[0].value_from.path == f"{place}/out/o"


def test_parameter_values_stay_when_they_look_like_mounts(tmp_path: Path) -> None:
    one = template()
    moved = relocate(one, mount_folders(one, [WORK, MEMORY], tmp_path))
    assert moved.inputs.parameters[0].default == "/work/p"


def test_longer_mount_wins_when_one_is_inside_another(tmp_path: Path) -> None:
    one = Template.model_validate(
        {
            "name": "t",
            "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}],
            "script": {
                "command": ["sh"],
                "source": "ls /w /w/deep/x\n",
                "volumeMounts": [{"name": "a", "mountPath": "/w"}, {"name": "b", "mountPath": "/w/deep"}],
            },
        }
    )
    moved = relocate(one, mount_folders(one, [], tmp_path))
    assert moved.script
    assert moved.script.source == f"ls {tmp_path}/a {tmp_path}/b/x\n"
