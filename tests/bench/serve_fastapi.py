"""Arm (e): what one writes in ten minutes: FastAPI around ultralytics. `serve_fastapi.py PORT ONNX-FILE`."""

import io
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image
from ultralytics import YOLO

app = FastAPI()
model = YOLO(sys.argv[2], task="detect")


@app.post("/predict")
def predict(file: UploadFile) -> dict[str, Any]:
    """Find boxes."""
    image = Image.open(io.BytesIO(file.file.read()))
    (result,) = model.predict(image, conf=0.25, iou=0.7, verbose=False, device="cpu")
    return {"results": result.summary()}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
