"""Runs the fuzzers: `python -m tests.fuzz` mutates journals, messages, pictures and other files, and reads them.

Prints a table, and the first traceback of each kind of finding; exits with 1 if there is any.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import watch


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for all fuzzers together (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same inputs (default 1)")
    parser.add_argument("--only", default="", help=f"names with commas between: {', '.join(watch.TARGETS)}")
    parser.add_argument("--inputs", type=int, default=sys.maxsize, help="at most so many of each")
    parser.add_argument("--jobs", type=int, default=2, help="fuzzers at the same time (default 2)")
    parser.add_argument("--again", type=Path, metavar="FILE", help="read one saved input; needs --only with one name")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(watch.TARGETS)
    if unknown := [name for name in names if name not in watch.TARGETS]:
        parser.error(f"unknown: {', '.join(unknown)}")
    if options.again:
        sys.path.insert(0, str(watch.ROOT / "tests"))
        found = watch.read_again(names[0], options.again.read_bytes())
        sys.stdout.write(f"{found['key']}\n{found['trace']}\n" if found else "Nothing found.\n")
        return int(found is not None)
    saved = Path(tempfile.mkdtemp(prefix="cutout-findings-"))
    sys.path.insert(0, str(watch.ROOT / "tests"))
    seconds = options.minutes * 60 * min(options.jobs, len(names)) / len(names)

    def one(name: str) -> watch.Tally:
        tally = watch.fuzz(name, options.seed, seconds, options.inputs, saved)
        sys.stderr.write(f"{name}: {tally.inputs:,} inputs, {sum(tally.counts.values())} findings\n")
        return tally

    with ThreadPoolExecutor(options.jobs) as pool:
        tallies = list(pool.map(one, names))
    sys.stdout.write(watch.table(tallies) + "\n")
    if any(tally.counts for tally in tallies):
        sys.stdout.write(f"\nThe inputs are in {saved}.\n")
        return 1
    saved.rmdir()
    return 0


if __name__ == "__main__":
    sys.exit(main())
