"""Compare both engines by hand, and record what Argo does.

    python -m tests.conformance [NAME …] [--record] [--keep]

Without names all cases run. `--record` writes what Argo made of each into `recorded/`, which the everyday tests
compare the local engine with, and of a case that is marked in `cases.py` for the cluster's version into a folder of that
version; `--keep` leaves the workflows in the cluster.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.conformance.cases import CASES, ENDLESS_S, Case
from tests.conformance.cluster import Batch, ClusterError, argo_release, argo_version, why_absent
from tests.conformance.comparison import differences
from tests.conformance.contents import digests_of
from tests.conformance.view import RunView, view_of_argo

if TYPE_CHECKING:
    from concurrent.futures import Future


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
        futures = {case.name: _submit(batch, case, names[case.name], record=options.record) for case in chosen}
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


def _submit(batch: Batch, case: Case, name: str, *, record: bool) -> "Future[dict[str, Any]]":
    if record:  # Whether a case that is marked ever ends is what the recording will say.
        return batch.submit(case.workflow(name), case.deadline_s, endless=str(argo_version()) in case.differs)
    endless = case.runs_on_for_ever(argo_version())
    return batch.submit(case.workflow(name), ENDLESS_S if endless else case.deadline_s, endless=endless)


def _record(case: Case, argo: RunView) -> None:
    path = case.recording(argo_version())
    if path.exists() and (there := RunView.model_validate_json(path.read_bytes()).argo) > argo.argo:
        print(
            f"{case.name}: not recorded, for {path.name} is of {there}; mark the case in cases.py if {argo.argo} differs"
        )
        return
    path.parent.mkdir(exist_ok=True)
    path.write_text(argo.model_dump_json(indent=1, exclude_defaults=True) + "\n", encoding="utf-8")


def _report(case: Case, name: str, workflow: dict[str, object], *, record: bool) -> bool:
    argo = view_of_argo(workflow, digests_of(workflow)).model_copy(update={"argo": argo_release()})
    if record:
        _record(case, argo)
    with tempfile.TemporaryDirectory() as home:
        found = differences(argo, case.expected(argo_version(), name, Path(home)))
    print(f"{case.name}: {argo.phase}, {len(argo.nodes)} nodes, {len(found)} differences")
    for line in found:
        print(f"    {line}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
