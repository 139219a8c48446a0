"""How a model's boxes are read where a request says nothing of it.

The one place for these numbers: the server and its page, `argosight predict`, golden answers, capture, the scores and
the report all read a model's own `Defaults`, and a model that nobody evaluated has the values that stand here.
"""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

WEAKEST: Final = 0.001
"""Score from which on boxes are read where all of them count. Average precision looks at the whole range; ultralytics'
validation begins here too."""

Share = Annotated[float, Field(ge=0, le=1)]


class Defaults(BaseModel):
    """Thresholds and limit that a model is served with: `defaults` in `model.json` and `version.json`.

    `evaluate` chooses them and `publish` writes them. The values here, Ultralytics' own, are for models that nobody
    evaluated and for cards that were written before there was such a field.
    """

    # A newer program may add fields; an older server reads on, and who writes the card again keeps them.
    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True, allow_inf_nan=False)

    confidence: Share = 0.25
    """Score above which a box counts."""

    per_class: dict[str, Share] = {}
    """Score above which a box of a class counts, for classes (by name) that have a threshold of their own."""

    iou: Share = 0.7
    """Overlap above which the weaker of two boxes of one class is dropped."""

    max_detections: int = Field(default=300, ge=1)
    """Most boxes of an image, the strongest."""

    def thresholds(self, classes: Sequence[str]) -> tuple[float, ...]:
        """Return the threshold of each of `classes`, which are names."""
        return tuple(self.per_class.get(name, self.confidence) for name in classes)
