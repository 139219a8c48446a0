"""Places to keep objects in, for tests: a folder, buckets that are folders, moto's server, and the real MinIO."""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from functools import cache
from pathlib import Path

import boto3
import pytest
import urllib3
from botocore.config import Config
from moto.server import ThreadedMotoServer

EVERYDAY = ("folder", "file-endpoint", "moto")


def make_place(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of an empty place of `kind`, and set the AWS variables so that it can be opened."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        if kind != "minio" or name == "AWS_PROFILE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    if kind == "folder":
        return str(folder / "place")
    bucket = f"test-{uuid.uuid4().hex}"
    if kind == "file-endpoint":
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"file://{folder}/buckets")
        return f"s3://{bucket}/pre/fix"
    settings = moto_settings() if kind == "moto" else minio_settings()
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    client = boto3.Session().client(
        "s3",
        endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"],
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=bucket)
    client.close()
    return f"s3://{bucket}/pre/fix"


@cache
def moto_settings() -> dict[str, str]:
    """Start moto's server once, and return the variables that name it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    atexit.register(server.stop)
    host, port = server.get_host_and_port()
    return _settings(f"http://{host}:{port}", "testing", "testing-secret")


@cache
def minio_settings() -> dict[str, str]:
    """Start MinIO from `$MINIO_BINARY` or the PATH, once; else take the store that the AWS variables name."""
    binary = os.environ.get("MINIO_BINARY") or shutil.which("minio")
    if not binary:
        if "AWS_ENDPOINT_URL_S3" not in os.environ:
            pytest.skip("set MINIO_BINARY, or AWS_ENDPOINT_URL_S3 and the keys of a store to test on")
        return {}
    folder = tempfile.mkdtemp(prefix="minio-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [binary, "server", folder, "--address", address, "--quiet"],
        env={
            "MINIO_ROOT_USER": "testing",
            "MINIO_ROOT_PASSWORD": "testing-secret",
            "HOME": folder,
            "MINIO_UPDATE": "off",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(process.kill)
    _wait_until_ready(f"http://{address}/minio/health/ready", process)
    return _settings(f"http://{address}", "testing", "testing-secret")


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        if process.poll() is not None:
            pytest.fail(f"MinIO ended with code {process.returncode}")
        try:
            if urllib3.request("GET", url, retries=False, timeout=1).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.1)
    pytest.fail("MinIO did not become ready within 30 s")


def _settings(endpoint: str, key: str, secret: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-east-1",
    }
