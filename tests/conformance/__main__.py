"""Compare both engines by hand, and record what Argo does.

    python -m tests.conformance [NAME …] [--record] [--keep]

Without names all cases run. `--record` writes what Argo made of each into `recorded/`, which the everyday tests
compare the local engine with; `--keep` leaves the workflows in the cluster.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.conformance.cases import CASES, Case
from tests.conformance.cluster import Batch, ClusterError, why_absent
from tests.conformance.comparison import differences
from tests.conformance.contents import digests_of
from tests.conformance.view import view_of_argo


def main() -> int:
    """Print the differences and return 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    absent = why_absent()
    if absent:
        sys.exit(f"conformance: {absent}")
    chosen = [case for case in CASES if not options.names or case.name in options.names]
    batch = Batch()
    try:
        names = {case.name: case.new_name() for case in chosen}
        futures = {case.name: batch.submit(case.workflow(names[case.name]), case.deadline_s) for case in chosen}
        different = 0
        for case in chosen:
            try:
                workflow = futures[case.name].result()
            except ClusterError as error:
                print(f"{case.name}: {error}")
                different += 1
                continue
            different += _report(case, names[case.name], workflow, record=options.record)
    finally:
        batch.close(keep=options.keep)
    return 1 if different else 0


def _report(case: Case, name: str, workflow: dict[str, object], *, record: bool) -> bool:
    argo = view_of_argo(workflow, digests_of(workflow))
    if record:
        case.recording.parent.mkdir(exist_ok=True)
        case.recording.write_text(argo.model_dump_json(indent=1, exclude_defaults=True) + "\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as home:
        found = differences(argo, case.run(name, Path(home)))
    print(f"{case.name}: {argo.phase}, {len(argo.nodes)} nodes, {len(found)} differences")
    for line in found:
        print(f"    {line}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
