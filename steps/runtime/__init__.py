"""Run an exported model without the trainer.

```python
verify_files(folder, ModelCard.read(folder))
detector = Detector.load(folder)
detections = detector.detect(cv2.imread("plane.jpg"))
```
"""

from typing import TYPE_CHECKING, Any

from steps.runtime.card import ModelCard, ModelFormat, ModelInput, ModelOutput
from steps.runtime.defaults import WEAKEST, Defaults
from steps.runtime.integrity import file_digest, verify_files

if TYPE_CHECKING:
    from steps.runtime.detector import Detector

__all__ = [
    "WEAKEST",
    "Defaults",
    "Detector",
    "ModelCard",
    "ModelFormat",
    "ModelInput",
    "ModelOutput",
    "file_digest",
    "verify_files",
]


def __getattr__(name: str) -> Any:
    """Import `Detector`, and OpenCV with it, only for those who ask: publishing a model reads just its card."""
    if name != "Detector":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from steps.runtime.detector import Detector  # noqa: PLC0415

    return Detector
