"""The model as it is published: with what `evaluate` chose to serve it with."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from steps.errors import InputError
from steps.runtime import Defaults, ModelCard, file_digest
from steps.runtime.card import CARD
from steps.runtime.golden import ANSWER, EXPECTED, IMAGE

_HINT = "point --metrics at the folder that `evaluate` wrote for this model, of the same version of this program"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model folder beside the one that `export` wrote: `model.json` has defaults, the golden answer is given with them.

    Attributes:
        folder: It.
        card: Its card.
        defaults: Of the card.
    """

    folder: Path
    card: ModelCard
    defaults: Defaults

    @classmethod
    def make(cls, exported: Path, metrics_folder: Path, metrics: dict[str, Any], into: Path) -> Self:
        """Copy the model folder `exported` to `into`, with the defaults in `metrics`, the content of `metrics.json`.

        The same inputs give the same bytes, so that a run that comes back after an interruption is known by them.

        Raises:
            InputError: If the metrics hold no defaults, or are those of another model.
        """
        scored, found = metrics.get("model"), file_digest(exported / CARD)
        if scored != found:
            raise InputError(
                f"the metrics are of the model whose {CARD} has SHA-256 {scored}; the one in {exported} has {found}",
                hint=_HINT,
            )
        try:
            defaults = Defaults.model_validate(metrics.get("defaults"))
        except ValidationError as error:
            raise InputError(f"metrics.json has no usable defaults: {error.errors()[0]['msg']}", hint=_HINT) from None
        shutil.copytree(exported, into, symlinks=True)
        card = ModelCard.read(exported)
        files = dict(card.files)
        if (exported / IMAGE).is_file():
            if not (metrics_folder / ANSWER).is_file():
                raise InputError(f"no {ANSWER} in {metrics_folder}: what is found on {IMAGE}", hint=_HINT)
            (into / EXPECTED).unlink(missing_ok=True)
            shutil.copyfile(metrics_folder / ANSWER, into / EXPECTED)
            files[EXPECTED] = file_digest(into / EXPECTED)
        served = card.model_copy(update={"defaults": defaults, "files": files})
        (into / CARD).unlink()
        served.write(into)
        return cls(into, served, defaults)
