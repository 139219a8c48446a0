"""An ONNX file that would make a runtime read other files is refused, wherever it hides that."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from steps.errors import ModelError
from steps.runtime import Detector
from steps.runtime.onnx_file import refuse_external_data
from tests.factories_color import color_network, write_color_model


def _external(name: str = "hidden") -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros((2, 2), np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return tensor


def _constant() -> onnx.NodeProto:
    node = helper.make_node("Constant", [], ["hidden"])
    node.attribute.append(helper.make_attribute("value", _external()))
    return node


def _in_initializer(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(_external())


def _in_constant(model: onnx.ModelProto) -> None:
    model.graph.node.append(_constant())


def _in_branch(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([_constant()], "branch", [], [])
    model.graph.node.append(helper.make_node("If", ["weakest"], ["x"], then_branch=branch, else_branch=branch))


def _in_list_of_tensors(model: onnx.ModelProto) -> None:
    node = helper.make_node("Custom", [], ["x"], domain="own")
    attribute = node.attribute.add()
    attribute.name, attribute.type = "values", onnx.AttributeProto.TENSORS
    attribute.tensors.append(_external())
    model.graph.node.append(node)


def _in_sparse(model: onnx.ModelProto) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(_external())


def _in_function(model: onnx.ModelProto) -> None:
    model.functions.append(
        helper.make_function("own", "f", [], ["hidden"], [_constant()], [helper.make_opsetid("", 17)])
    )


def _in_training(model: onnx.ModelProto) -> None:
    model.training_info.add().initialization.initializer.append(_external())


def _by_location_alone(model: onnx.ModelProto) -> None:
    tensor = _external()
    tensor.ClearField("external_data")
    model.graph.initializer.append(tensor)


def _by_path_alone(model: onnx.ModelProto) -> None:
    tensor = _external()
    tensor.ClearField("data_location")
    model.graph.initializer.append(tensor)


@pytest.mark.parametrize(
    "hide",
    [
        _in_initializer,
        _in_constant,
        _in_branch,
        _in_list_of_tensors,
        _in_sparse,
        _in_function,
        _in_training,
        _by_location_alone,
        _by_path_alone,
    ],
)
def test_a_model_is_refused_when_a_tensor_is_elsewhere(hide: Callable[[onnx.ModelProto], None]) -> None:
    model = color_network(32)
    refuse_external_data(model.SerializeToString(), "model.onnx")
    hide(model)
    with pytest.raises(ModelError, match=r"model.onnx keeps tensors in another file"):
        refuse_external_data(model.SerializeToString(), "model.onnx")


def test_a_model_is_refused_when_its_tensors_lie_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_color_model(tmp_path) / "onnx"
    onnx.save(
        onnx.load(folder / "model.onnx"),
        folder / "model.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    assert (folder / "weights.bin").exists()
    monkeypatch.chdir(folder)
    with pytest.raises(ModelError, match="keeps tensors in another file"):
        Detector.load(tmp_path)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_either_passed_on_or_refused(content: bytes) -> None:
    with contextlib.suppress(ModelError):
        refuse_external_data(content, "x")


@settings(deadline=None)
@given(st.data())
def test_a_damaged_model_is_either_passed_on_or_refused(data: st.DataObject) -> None:
    content = bytearray(color_network(32).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelError):
        refuse_external_data(bytes(content[: data.draw(st.integers(0, len(content)))]), "x")


def test_the_card_is_read_without_opencv_or_a_runtime() -> None:
    script = "import sys; import steps.runtime; print(sorted({'cv2', 'onnxruntime', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "[]"
