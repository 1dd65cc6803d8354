"""Runs the `cutout` command: parses arguments, runs one sub-command, turns errors into one line and an exit code.

Exit codes: 0 done, 1 an internal error, 2 wrong input or something that the user can fix, 130 interrupted.
Heavy libraries are imported by the sub-commands when they run, so that `--help` is instant.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from .commands import composite, doctor, edges, evaluate, propagate, session, stills, study, tiers, train, weights
from .commands.bench import command as bench
from .commands.context import Context, Reporter
from .commands.jobs import command as job
from .commands.jobs import queue
from .core.errors import translate
from .environment.network_library import AUTO, preferred
from .version import __version__

if TYPE_CHECKING:
    from .commands.context import EngineLoader

FAULT, WRONG_INPUT, INTERRUPTED = 1, 2, 130

OWN_PARSERS = ("train", "study")
"""Sub-commands whose arguments are read by a parser that needs heavy libraries."""

_EXAMPLE = """\
example: cut the object out of a clip and lay it over a picture
  cutout foreground clip/00000.jpg -o first.png
  cutout propagate  clip --keyframe 0=first.png -o masks
  cutout composite  clip --masks masks --background beach.jpg -o cut.mp4

Set CUTOUT_DEBUG=1 to see where an error comes from.
"""


def main(argv: Sequence[str] | None = None, load: EngineLoader | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        argv: arguments without the program's name; None = the process's own.
        load: (tier, device) -> Engine; None = the trained networks.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = make_parser()
    try:
        args = parser.parse_args(words[:1] if words[:1] and words[0] in OWN_PARSERS else words)
    except SystemExit as end:  # argparse ends the process itself, after --help with 0 and after an error with 2
        return int(end.code or 0)
    reporter = Reporter(as_json=getattr(args, "json", False))
    context = Context(reporter, load) if load else Context(reporter)
    try:
        with preferred(getattr(args, "engine", AUTO)):
            return int(args.run(args, context, words[1:]) if args.command in OWN_PARSERS else args.run(args, context))
    except KeyboardInterrupt:
        reporter.event("interrupted")
        reporter.complain(f"cutout {args.command}: interrupted; finished work stays.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has exited, as in `cutout … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED
    except Exception as error:
        _debug()
        known = translate(error)
        if known is not None:
            reporter.event("error", code=known.code, text=known.text, hint=known.hint)
            reporter.complain(f"cutout {args.command}: {known}")
            return WRONG_INPUT
        fault = f"{type(error).__name__}: {error}".splitlines()[0]
        reporter.event("error", code="Fault", text=fault, hint="")
        reporter.complain(
            f"cutout {args.command}: internal error ({fault}). Set CUTOUT_DEBUG=1, run it again and report it."
        )
        return FAULT


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the whole command; `run` of its result is the sub-command's function."""
    parser = _Parser(
        prog="cutout",
        description="Cuts objects out of pictures and clips: draw strokes or take a first guess on one frame, "
        "propagate the mask through the clip, and composite the object over another background.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Blender Cutout {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    work = (stills, propagate, edges, composite, session, job, queue)
    for module in (*work, tiers, weights, doctor, evaluate, bench, study, train):
        module.add_parser(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """Reports usage errors in one line, without the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_INPUT, f"{self.prog}: {message}; see {self.prog} --help\n")


def _debug() -> None:
    if os.environ.get("CUTOUT_DEBUG"):
        traceback.print_exc()


if __name__ == "__main__":
    sys.exit(main())
