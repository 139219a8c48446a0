"""The server's memory, in a process of its own: what was freed goes back to the system."""

import subprocess
import sys

PROGRAM = """
import threading, time
from pathlib import Path
from steps.serve.memory import Housekeeping

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

def work():
    # Below glibc's threshold for mappings of their own, with something small after each that keeps the heap's end up.
    blocks = [bytearray(100_000) for _ in range(1_000)]
    kept.append(bytearray(1_000))

kept = []
housekeeping = Housekeeping(0.1)
for _ in range(3):
    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
due = time.monotonic() + 20
while resident_mb() > 60 and time.monotonic() < due:
    time.sleep(0.1)
housekeeping.close()
print(resident_mb())
"""


def test_freed_memory_goes_back_when_threads_have_used_much() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert float(done.stdout) < 60
