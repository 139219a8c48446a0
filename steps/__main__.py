"""`python -m steps STEP --flag value`: the entry point of every image, and of every local run."""

import sys

from steps.catalog import STEPS
from steps.command_line import parser_of
from steps.runner import run


def main(argv: list[str]) -> int:
    """Dispatch to one step and return its exit code."""
    if not argv or argv[0] in ("-h", "--help"):
        width = max(map(len, STEPS))
        sys.stdout.write("usage: python -m steps STEP [--flag VALUE ...]\n\nsteps:\n")
        for step in STEPS.values():
            sys.stdout.write(f"  {step.name:<{width}}  {step.summary}\n")
        sys.stdout.write("\n`python -m steps STEP --help` tells the flags of one step, with an example.\n")
        return 0 if argv else 2
    name, *flags = argv
    if name not in STEPS:
        import difflib  # noqa: PLC0415  (only a mistake pays for it)

        near = difflib.get_close_matches(name, STEPS, n=1)
        guess = f"did you mean {near[0]!r}? " if near else ""
        sys.stderr.write(f"unknown step {name!r}\n  hint: {guess}the steps are: {', '.join(STEPS)}\n")
        return 2
    if {"-h", "--help"} & set(flags):
        parser_of(STEPS[name]).print_help()
        return 0
    return run(STEPS[name], flags)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
