"""What `train` and `export` share: ultralytics kept offline and quiet, and what this process may use of the machine.

Light: nothing here imports torch or ultralytics.
"""

from steps.toolchain.machine import available_memory, keep_freed_memory, shared_memory
from steps.toolchain.offline import go_offline, versions

__all__ = ["available_memory", "go_offline", "keep_freed_memory", "shared_memory", "versions"]
