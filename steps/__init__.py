"""What runs in a pod, and just the same on a laptop. Knows nothing of Argo, Hera or `workflows`."""

import os

__version__ = "0.1.0"

# ONNX Runtime's official Linux builds report to Microsoft from 1.29 on, and leave a file in the temporary folder, unless
# this is set before it is first imported: https://github.com/microsoft/onnxruntime/pull/27379
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
