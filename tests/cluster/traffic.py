"""Clients of a deployed model, in a pod beside it: a steady rate until they are told to end, and what became of each request."""

import base64
import json
import time
from dataclasses import dataclass
from typing import Any

from tests.cluster.runs import site
from tests.conformance.cluster import ClusterError, kubectl

CLIENTS = """
import base64, json, os, sys, threading, time
import urllib3

url, longest_s, rate, end = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
image = base64.b64decode(sys.argv[5])
counts, faults, slowest, lock = {}, [], 0.0, threading.Lock()
first = time.monotonic()

def client(number, fresh):
    global slowest
    pool = urllib3.PoolManager(retries=False, timeout=10)
    due = time.monotonic() + number / rate
    while time.monotonic() < first + longest_s and not os.path.exists(end):
        time.sleep(max(0, due - time.monotonic()))
        due += 4 / rate
        began = time.monotonic()
        headers = {"Content-Type": "image/jpeg"} | ({"Connection": "close"} if fresh else {})
        try:
            answer = pool.request("POST", url + "/predict", body=image, headers=headers)
            document = json.loads(answer.data)
            key = str(document["metadata"]["version"]) if answer.status == 200 else ""
            fault = "" if key else f"{answer.status} {document}"
        except Exception as error:
            key, fault = "", repr(error)
        with lock:
            slowest = max(slowest, time.monotonic() - began)
            if fault:
                faults.append(fault)
            else:
                counts[key] = counts.get(key, 0) + 1

clients = [threading.Thread(target=client, args=(number, number % 2 == 1)) for number in range(4)]
for one in clients:
    one.start()
print("started", flush=True)
for one in clients:
    one.join()
seconds = time.monotonic() - first
print(json.dumps({"answered": counts, "faults": faults, "slowest_s": slowest, "seconds": seconds}))
"""
"""Four clients, two of which keep their connection, while the others make a new one for each request."""


END = "/tmp/end"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests at a steady rate, for as long as it takes to change the service under them."""

    name: str

    @classmethod
    def start(cls, name: str, url: str, image: bytes, *, longest_s: int, rate: int) -> "Traffic":
        """Start the clients and return when they send; they end by themselves when nobody ends them for `longest_s`."""
        restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        words = [url, str(longest_s), str(rate), END, base64.b64encode(image).decode()]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/instance": name}},
            "spec": {
                "restartPolicy": "Never",
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": site().user,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "clients",
                        "image": site().image("serve"),
                        "command": ["python", "-c", CLIENTS, *words],
                        "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}},
                        "securityContext": restricted,
                    }
                ],
            },
        }
        kubectl("create", "-f", "-", text=json.dumps(pod))
        traffic = cls(name)
        traffic.wait("started", 60)
        return traffic

    def wait(self, mark: str, deadline_s: float) -> str:
        """Return the log when `mark` is in it.

        Raises:
            ClusterError: If it is not within `deadline_s`.
        """
        due, log = time.monotonic() + deadline_s, ""
        while time.monotonic() < due:
            try:
                log = kubectl("logs", self.name)
            except ClusterError:
                log = ""
            if mark in log:
                return log
            time.sleep(0.5)
        raise ClusterError(f"{self.name} says {log!r}\n{kubectl('describe', 'pod', self.name)}")

    def end(self, deadline_s: float) -> dict[str, Any]:
        """End the clients, and return `answered` by version, `faults`, `slowest_s` and `seconds`."""
        kubectl("exec", self.name, "--", "touch", END)
        counts: dict[str, Any] = json.loads(self.wait('{"answered"', deadline_s).splitlines()[-1])
        return counts

    def remove(self) -> None:
        """Take the pod away."""
        kubectl("delete", "pod", self.name, "--ignore-not-found", "--wait=false")
