"""Contract of the `serve` step."""

from typing import Annotated, Literal

from pydantic import Field

from steps.contract import Internal, Model, Step

_NAME = "[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?(@[1-9][0-9]{0,8})?"


class ServeInputs(Model):
    """Answer HTTP requests with detections, on ONNX Runtime or OpenVINO, until it is told to stop.

    Loads the version that the registry's latest pointer names, after checking the sha256 of every file, and swaps to the
    next one without dropping a request. API keys that requests must carry come from the variable ARGOSIGHT_API_KEYS.
    """

    registry: str = ""
    """Registry that holds the models: `s3://bucket/prefix`, or a folder. Empty: only with `model-folder`."""

    model_name: str = Field(default="detector", pattern=f"^{_NAME}(,{_NAME}){{0,15}}$")
    """Names of the models, parted by commas; the first answers requests that name none. `planes@3` is pinned to version 3."""

    version: Annotated[int, Internal()] = Field(default=0, ge=0)
    """Version to serve of a single model. 0: what `latest` names."""

    model_folder: Annotated[str, Internal()] = ""
    """Model folder to serve instead of a registry's model, such as /mnt/models of KServe. Empty: the registry."""

    watch_seconds: Annotated[float, Internal()] = Field(default=30, ge=0)
    """Seconds between looks for another version. 0: never."""

    backend: Annotated[str, Internal()] = Field(default="auto", pattern="^(auto|onnx|openvino)(-int8)?$")
    """Format to run: `onnx`, `openvino`, `onnx-int8`, `openvino-int8`, or `auto` for what a short measurement at the start finds fastest; that takes int8 only where its loss was accepted."""

    host: Annotated[str, Internal()] = "127.0.0.1"
    """Address to listen on."""

    port: Annotated[int, Internal()] = Field(default=8080, ge=0, le=65535)
    """Port to listen on. 0: any that is free; the log tells which."""

    grpc_port: Annotated[int, Internal()] = Field(default=-1, ge=-1, le=65535)
    """Port for gRPC. 0: any that is free. -1: no gRPC."""

    linger_seconds: Annotated[float, Internal()] = Field(default=0, ge=0, le=300)
    """Seconds after SIGTERM in which new requests are still answered, until load balancers have learned of it."""

    threads: Annotated[int, Internal()] = Field(default=0, ge=0)
    """Threads of the inference session. 0: all cores."""

    workers: Annotated[int, Internal()] = Field(default=0, ge=0, le=256)
    """Pictures in work at a time. 0: chosen by the cores."""

    max_waiting: Annotated[int, Internal()] = Field(default=32, ge=0)
    """Pictures that may wait for a worker; more are sent away with 429."""

    deadline_seconds: Annotated[float, Internal()] = Field(default=30, gt=0)
    """Seconds from the body's arrival to the answer."""

    max_bytes: Annotated[int, Internal()] = Field(default=20_000_000, ge=1)
    """Bytes that the body of a request may have."""

    max_held_bytes: Annotated[int, Internal()] = Field(default=200_000_000, ge=1)
    """Bytes of all bodies, and of all pictures on their way to clients, that are held at once; a request beyond it is sent away."""

    body_seconds: Annotated[float, Internal()] = Field(default=60, gt=0)
    """Seconds for a body to arrive, and for a picture to be taken by its client."""

    max_pixels: Annotated[int, Internal()] = Field(default=50_000_000, ge=1)
    """Pixels that the pictures of a request may have together, read from their headers before any is decoded."""

    max_batch: Annotated[int, Internal()] = Field(default=16, ge=1)
    """Pictures in one request."""

    formats: Annotated[str, Internal()] = Field(
        default="JPEG,PNG,WEBP,BMP", pattern="^(JPEG|PNG|WEBP|BMP)(,(JPEG|PNG|WEBP|BMP))*$"
    )
    """Formats of pictures, parted by commas."""

    max_drawings: Annotated[int, Internal()] = Field(default=4, ge=1)
    """Requests at a time that keep decoded pictures, to draw on them or to explain them."""

    explain_masks: Annotated[int, Internal()] = Field(default=256, ge=0)
    """Network runs that one `:explain` may cost. 0: no explanations."""

    max_video_bytes: Annotated[int, Internal()] = Field(default=200_000_000, ge=0)
    """Bytes of a video. 0: no videos."""

    max_video_seconds: Annotated[float, Internal()] = Field(default=300, gt=0)
    """Playing time of a video, seconds."""

    video_timeout_seconds: Annotated[float, Internal()] = Field(default=1800, gt=0)
    """Seconds that the work on a video may take."""

    video_jobs: Annotated[int, Internal()] = Field(default=4, ge=1)
    """Videos that wait or are in work."""

    video_kept: Annotated[int, Internal()] = Field(default=8, ge=1)
    """Finished videos whose results are kept."""

    cors_origins: Annotated[str, Internal()] = ""
    """Origins whose pages may call the server, parted by commas, such as https://app.example.org. Empty: none."""

    capture: Annotated[str, Internal()] = ""
    """Where to keep pictures and answers that the samplers choose: `s3://bucket/prefix`, or a folder. Empty: nowhere."""

    capture_near: Annotated[float, Internal()] = Field(default=0, ge=0, le=1)
    """Capture pictures with a box this near to `capture-threshold`. 0: not for that."""

    capture_threshold: Annotated[float, Internal()] = Field(default=0, ge=0, le=1)
    """Confidence around which `capture-near` looks; boxes weaker than a request asks for count too. 0: the threshold that the model is served with, of each class."""

    capture_random: Annotated[float, Internal()] = Field(default=0, ge=0, le=1)
    """Share of all pictures to capture."""

    capture_classes: Annotated[str, Internal()] = ""
    """Capture pictures with a box of one of these classes, parted by commas."""

    capture_count: Annotated[str, Internal()] = ""
    """Capture pictures with so many boxes: `0`, `3-5`, or `20-`. Empty: not for that."""

    capture_per_minute: Annotated[float, Internal()] = Field(default=10, gt=0)
    """Pictures that each of the samplers may capture in a minute."""

    capture_per_day: Annotated[int, Internal()] = Field(default=2000, ge=1)
    """Pictures that all samplers together may capture in a day."""

    capture_bytes_per_day: Annotated[int, Internal()] = Field(default=1_000_000_000, ge=1)
    """Bytes that all samplers together may capture in a day."""

    capture_pictures: Annotated[Literal["keep", "drop"], Internal()] = "keep"
    """`drop`: keep the boxes without the picture."""

    log_format: Annotated[Literal["auto", "text", "json"], Internal()] = "auto"
    """Lines of the log: `text` for people, `json` for programs. auto: text on a terminal, JSON elsewhere."""

    traces: Annotated[bool, Internal()] = False
    """Send OpenTelemetry traces to OTEL_EXPORTER_OTLP_ENDPOINT."""


class ServeOutputs(Model):
    """`serve` leaves nothing behind."""


SERVE = Step(
    name="serve",
    image="serve",
    inputs=ServeInputs,
    outputs=ServeOutputs,
    entry="steps.serve.run:serve",
    example="--registry=./models --model-name=planes --port=8080",
    size="medium",
)
