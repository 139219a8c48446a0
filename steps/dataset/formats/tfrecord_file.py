"""TFRecord files: framed records with checksums, and the messages in them. TensorFlow is not needed to read either.

A record is its length (8 bytes), the checksum of these, the data, and the checksum of the data; all little-endian, and
checksums are masked CRC-32C. See TensorFlow's `record_writer.h`. PyPI's `tfrecord` does not look at the checksums and
asks for as much memory as a broken length says, so the frames are read here; the messages are protobuf's.
"""

import gzip
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

LENGTH = struct.Struct("<QI")
CHECKSUM = struct.Struct("<I")

LARGEST = 512 * 1024 * 1024
"""Bytes of a record; no picture with its labels has more."""

WINDOW = 4 * 1024 * 1024
"""Bytes that are looked at together for the start of a next record."""

ZEROS = b"\0\0\0\0"
"""The upper half of any length below 4 GiB."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file.

    Attributes:
        number: From 1.
        data: What it holds; empty where that is broken.
        broken: What is wrong with it; empty: nothing.
    """

    number: int
    data: bytes = b""
    broken: str = ""


def records(path: Path) -> Iterator[Record]:
    """Yield the records of the file at `path`, packed with gzip or not.

    A record with a wrong checksum is broken, and so is whatever lies between a broken length and the next sound one.
    """
    number = 0
    with _opened(path) as file:
        reader = _Reader(file)
        while True:
            number += 1
            head = reader.take(LENGTH.size)
            if not head and not reader.fault:
                return
            if len(head) < LENGTH.size:
                yield Record(number, broken=reader.fault or "the file ends in the middle of a record")
                return
            length = _length(head)
            if length is None:
                lost = reader.skip_to_record(head)
                yield Record(
                    number, broken=f"the length of the record is broken; {lost} bytes to the next one are lost"
                )
                continue
            data, checksum = reader.take(length), reader.take(CHECKSUM.size)
            if len(checksum) < CHECKSUM.size:
                yield Record(number, broken=reader.fault or "the file ends in the middle of a record")
                return
            if masked(data) != CHECKSUM.unpack(checksum)[0]:
                yield Record(number, broken="the checksum of the record is wrong")
                continue
            yield Record(number, data)


def masked(data: bytes) -> int:
    """Return the checksum that records have: CRC-32C, turned by 15 bits, and a constant added."""
    from google_crc32c import value  # noqa: PLC0415  (only such data pays for it)

    crc = int(value(data))
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def message(name: str) -> Any:
    """Return the class of one of TensorFlow's messages: `Example`, or the Object Detection API's `StringIntLabelMap`."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: PLC0415

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="argosight/records.proto", package="argosight", syntax="proto3")

    def add(owner: Any, *fields: tuple[str, int, int, bool, str]) -> None:
        for called, number, kind, many, of in fields:
            label = field.LABEL_REPEATED if many else field.LABEL_OPTIONAL
            added = owner.field.add(name=called, number=number, type=kind, label=label)
            if of:
                added.type_name = f".argosight.{of}"

    def new(called: str, *fields: tuple[str, int, int, bool, str]) -> Any:
        owner = file.message_type.add(name=called)
        add(owner, *fields)
        return owner

    new("BytesList", ("value", 1, field.TYPE_BYTES, True, ""))
    new("FloatList", ("value", 1, field.TYPE_FLOAT, True, ""))
    new("Int64List", ("value", 1, field.TYPE_INT64, True, ""))
    kinds = ("bytes_list", 1, "BytesList"), ("float_list", 2, "FloatList"), ("int64_list", 3, "Int64List")
    new("Feature", *((called, number, field.TYPE_MESSAGE, False, of) for called, number, of in kinds))
    features = new("Features", ("feature", 1, field.TYPE_MESSAGE, True, "Features.FeatureEntry"))
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    add(entry, ("key", 1, field.TYPE_STRING, False, ""), ("value", 2, field.TYPE_MESSAGE, False, "Feature"))
    new("Example", ("features", 1, field.TYPE_MESSAGE, False, "Features"))
    new(
        "StringIntLabelMapItem",
        ("name", 1, field.TYPE_STRING, False, ""),
        ("id", 2, field.TYPE_INT32, False, ""),
        ("display_name", 3, field.TYPE_STRING, False, ""),
    )
    new("StringIntLabelMap", ("item", 1, field.TYPE_MESSAGE, True, "StringIntLabelMapItem"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"argosight.{name}"))


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            yield file
            return
        with gzip.open(file) as unpacked:
            yield cast("IO[bytes]", unpacked)


def _length(head: bytes) -> int | None:
    """Return the length in the head of a record, None where it is broken."""
    length, checksum = LENGTH.unpack(head)
    return int(length) if length <= LARGEST and masked(head[:8]) == checksum else None


class _Reader:
    """Bytes of a file in order, and what went wrong with them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ahead = b""
        self.fault = ""

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end or where the file is broken. Memory grows with what is there."""
        pieces, missing = [self._ahead[:size]], size - len(self._ahead[:size])
        self._ahead = self._ahead[size:]
        while missing and (piece := self._read(min(missing, WINDOW))):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def skip_to_record(self, behind: bytes) -> int:
        """Go to the head of the next record after `behind`, or to the end; return how many bytes that is."""
        window, lost = behind[1:] + self.take(WINDOW), 1
        while len(window) >= LENGTH.size:
            at = window.find(ZEROS, 4)
            while 4 <= at <= len(window) - 8:
                if _length(window[at - 4 : at + 8]) is not None:
                    self._ahead = window[at - 4 :] + self._ahead
                    return lost + at - 4
                at = window.find(ZEROS, at + 1)
            kept = window[-(LENGTH.size - 1) :]
            lost += len(window) - len(kept)
            more = self.take(WINDOW)
            if not more:
                return lost + len(kept)
            window = kept + more
        return lost + len(window)

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except (EOFError, OSError, zlib.error) as error:
            self.fault = f"the gzip file is broken: {' '.join(str(error).split())}"
            return b""
