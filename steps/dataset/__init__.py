"""The canonical data set: a folder that every step after `ingest` reads, whatever the images came as.

```
dataset.json        DatasetInfo: classes, counts, provenance, digest
annotations.jsonl   one ImageRecord a line, sorted by file
images/             the pictures, upright, never touched again
```
"""

from steps.dataset.canonical import Dataset, DatasetWriter, Splits
from steps.dataset.records import Box, DatasetInfo, ImageRecord, Mask

__all__ = ["Box", "Dataset", "DatasetInfo", "DatasetWriter", "ImageRecord", "Mask", "Splits"]
