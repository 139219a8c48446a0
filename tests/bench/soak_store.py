"""A MinIO of the soak's own, that can be killed and comes back with what it had."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import boto3
import httpx
from botocore.config import Config

BUCKET = "argosight"
READY_S = 60.0


class Minio:
    """One MinIO process after the other, on one port and one data folder."""

    def __init__(self, binary: str, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self._binary, self._folder = binary, folder
        self._process: subprocess.Popen[bytes] | None = None
        self.kills = 0
        folder.mkdir(parents=True)

    @staticmethod
    def binary() -> str:
        """Return the program, from `$MINIO_BINARY` or the PATH; empty where there is none."""
        return os.environ.get("MINIO_BINARY") or shutil.which("minio") or ""

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment that names this store."""
        return {
            "AWS_ENDPOINT_URL_S3": f"http://{self.address}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing-secret",
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [self._binary, "server", str(self._folder), "--address", self.address, "--quiet"]
        environment = {
            "MINIO_ROOT_USER": self.variables["AWS_ACCESS_KEY_ID"],
            "MINIO_ROOT_PASSWORD": self.variables["AWS_SECRET_ACCESS_KEY"],
            "MINIO_UPDATE": "off",
            "HOME": str(self._folder.parent),
        }
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._process, end = process, time.monotonic() + READY_S
        while not self._answers():
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{self._binary} does not get ready (exit code {process.poll()})")
            time.sleep(0.1)

    def make_bucket(self) -> None:
        """Make the bucket that everything lies in."""
        client = boto3.Session().client(
            "s3",
            endpoint_url=f"http://{self.address}",
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )
        client.create_bucket(Bucket=BUCKET)
        client.close()

    def kill(self) -> None:
        """Kill it as a failing machine would: at once, whatever it is writing."""
        if self._process:
            self._process.kill()
            self._process.wait(30)
            self._process = None
            self.kills += 1

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://{self.address}/minio/health/ready", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False
