"""Versions of models in a folder or a bucket, the pointer to the latest, and where each one came from.

```
NAME/latest.json           Pointer: version, url, sha256 of its version.json, rollbacks; moved by a conditional write
NAME/7/claim.json          Claim: who took number 7; written only if nothing is there, so no two publishers share it
NAME/7/model.json …        the model folder, file by file
NAME/7/README.md           model card for people
NAME/7/results.tar         checkpoint and metrics
NAME/7/version.json        Manifest: sha256 of every file, lineage; written last: a version with it is complete
```
A number whose version.json is missing was never finished. It is skipped for good, unless the same run comes back.
"""

from steps.registry.manifest import FileEntry, Lineage, Manifest, Pointer, Rollback
from steps.registry.publication import Published
from steps.registry.registry import Registry, Version

__all__ = ["FileEntry", "Lineage", "Manifest", "Pointer", "Published", "Registry", "Rollback", "Version"]
