"""What a stranger may ask of the server. Every bound is set here, and nowhere else."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Format = Literal["JPEG", "PNG", "WEBP", "BMP"]
FORMATS: tuple[Format, ...] = ("JPEG", "PNG", "WEBP", "BMP")


class Limits(BaseModel):
    """Bounds of requests. The defaults suit photos from a camera or a telephone."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    body_bytes: int = Field(default=20_000_000, ge=1)
    """Bytes of a request's body, all pictures together."""

    held_bytes: int = Field(default=200_000_000, ge=1)
    """Bytes of all bodies, and of all pictures on their way to clients, that are held at once; a request beyond it is sent away."""

    body_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds for the body to arrive, and for a picture to be taken by its client."""

    pixels: int = Field(default=50_000_000, ge=1)
    """Pixels of a request's pictures together, read from their headers before any is decoded."""

    batch: int = Field(default=16, ge=1)
    """Pictures in one request."""

    formats: tuple[Format, ...] = Field(default=FORMATS, min_length=1)
    """Formats of pictures."""

    deadline_s: float = Field(default=30.0, gt=0)
    """Seconds from the body's arrival to the answer."""

    drawings: int = Field(default=4, ge=1)
    """Requests at a time that keep decoded pictures, to draw on them or to explain them; a few more wait."""

    explain_masks: int = Field(default=256, ge=0)
    """Network runs that one `:explain` may cost. 0 switches it off."""

    video_bytes: int = Field(default=200_000_000, ge=0)
    """Bytes of a video. 0 switches videos off."""

    video_seconds: float = Field(default=300.0, gt=0)
    """Length of a video, seconds of playing time."""

    video_timeout_s: float = Field(default=1800.0, gt=0)
    """Seconds that the work on a video may take; what is done by then is kept."""

    video_jobs: int = Field(default=4, ge=1)
    """Videos that wait or are in work."""

    video_kept: int = Field(default=8, ge=1)
    """Finished jobs whose results are kept; the oldest goes first."""

    api_keys: tuple[SecretStr, ...] = ()
    """Keys, one of which `Authorization: Bearer KEY` or `X-API-Key: KEY` must carry. None: everybody may ask."""

    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the server, such as `https://app.example.org`. None: no other page may."""
