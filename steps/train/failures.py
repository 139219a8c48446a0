"""Failures of a training that a person can do something about, told as such."""

from collections.abc import Iterator
from contextlib import contextmanager

from steps.errors import ParameterError
from steps.train.contract import TrainInputs

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


@contextmanager
def explained(inputs: TrainInputs) -> Iterator[None]:
    """Turn what torch and ultralytics raise for want of memory, or for unfit parameters, into a `ParameterError`."""
    try:
        yield
    except MemoryError:
        raise _out_of_memory(inputs) from None
    except (RuntimeError, ValueError) as error:
        text = str(error)
        if any(sign in text for sign in _OUT_OF_MEMORY):
            raise _out_of_memory(inputs) from None
        if "NaN" in text or "the loss of epoch" in text:
            raise ParameterError(
                f"training diverged: {text[:200]}",
                hint=f"lower --learning-rate={inputs.learning_rate:g}, for example to {inputs.learning_rate / 10:g}, "
                "or take --optimizer=AdamW",
            ) from None
        if "froze the entire model" in text:
            raise ParameterError(
                f"--freeze={inputs.freeze} leaves no layer of {inputs.base_model} to train", hint="freeze fewer layers"
            ) from None
        if "BatchNorm" in text or "more than 1 value per channel" in text:
            raise ParameterError(
                f"--batch={inputs.batch} leaves a last batch of one image, too little at --image-size={inputs.image_size}",
                hint="choose another --batch, or an --image-size of 64 or more",
            ) from None
        raise


def _out_of_memory(inputs: TrainInputs) -> ParameterError:
    return ParameterError(
        f"memory ran out at --batch={inputs.batch} and --image-size={inputs.image_size}",
        hint="give a smaller --batch, then a smaller --image-size, or more memory",
    )
