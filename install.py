"""Sets up Blender Cutout from a source checkout; needs only Python 3.10 or newer.

    python install.py             the engine's environment, and the extension for every Blender that is found
    python install.py demo        cuts an object out of a clip, headless, and shows how good it is
    python install.py test        all tests, in every supported Blender
    python install.py build       the extension's zip
    python install.py repository  a folder for a web space, which Blender installs and updates from
    python install.py doctor      what is there and what is wrong
    python install.py clips       renders clips with exact masks, for training
    python install.py lock        the lists of files that the engine is made of, with their checksums

Everything that is missing is installed first; a second run finds it ready.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.version_info < (3, 10):  # noqa: UP036  an older Python must get a sentence, not a SyntaxError
    sys.exit("Blender Cutout needs Python 3.10 or newer; this is " + sys.version.split()[0] + ".")

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from blender_cutout.core.errors import CutoutError  # noqa: E402
from blender_cutout.devtools import blenders, launcher, package, wheel_facts, wheel_files  # noqa: E402
from blender_cutout.devtools import repository as pages  # noqa: E402
from blender_cutout.environment import pinned_files, venv  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done, 1 something failed, 2 wrong arguments, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks a character must not end an installation
    options = _parser().parse_args(arguments)
    try:
        commands = {
            "install": install,
            "demo": demo,
            "test": test,
            "build": build,
            "doctor": doctor,
            "repository": repository,
        }
        commands |= {"clips": clips, "lock": lock}
        return commands[options.command or "install"](options)
    except (CutoutError, blenders.BlenderError, package.PackageError) as error:
        print(f"\nError: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"\nError: {error}. Check the free space and the permissions of that folder.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run it again: it continues where it stopped.", file=sys.stderr)
        return 130


def install(options: argparse.Namespace) -> int:
    """Sets up and checks the engine, and installs the extension into the Blenders found."""
    found = blenders.find_blenders(options.blender)  # first, so that a wrong path fails before a long installation
    _make_engine(options)
    bad = _report(venv.check(venv.worker_python()))
    if not os.environ.get(venv.PYTHON_VARIABLE):
        print(f"Command line: {launcher.write_command(venv.worker_python().parent, venv.worker_python())}")
    archive = package.build(ROOT / "dist")
    print(f"Built {archive}")
    if not found:
        print(
            "No Blender 4.2 or newer was found. Give its path (python install.py --blender PATH), or in Blender\n"
            f"use Edit > Preferences > Get Extensions > Install from Disk and choose {archive}"
        )
    for blender in found:
        blenders.install_extension(blender, archive)
        print(f"Installed and enabled in {blender}: see the tab Cutout in the sequencer's sidebar (N).")
    return 1 if bad else 0


def demo(options: argparse.Namespace) -> int:
    """Runs the demo, headless, on a clip that Blender renders."""
    from blender_cutout.devtools.demo import launch

    _make_engine(options)
    bad = [finding for finding in venv.check(venv.worker_python()) if not finding.ok]
    if bad:
        _report(bad)
        return 1
    return launch.run(venv.worker_python(), options, show=_show)


def test(options: argparse.Namespace) -> int:
    """Runs all tests; makes missing environments first."""
    from blender_cutout.devtools import suites

    if options.prepare:
        suites.prepare_all(options.prepare, _show)
        return 0
    return 0 if suites.run_all(options.only, print, _show) else 1


def build(options: argparse.Namespace) -> int:
    """Builds the extension's zip, or those of named platforms with the libraries that make a set-up needless."""
    for archive in _build(options, Path(options.output).absolute(), options.platform):
        print(archive)
    return 0


def repository(options: argparse.Namespace) -> int:
    """Builds the zips of all platforms, or of named ones, and the index that Blender reads."""
    command = pages.index_command(options.blender)  # first: without a Blender nothing needs to be downloaded
    folder = Path(options.output).absolute()
    options.wheels = options.wheels or str(ROOT / "dist" / "wheels")  # not in the folder that is served
    archives = list(_build(options, folder, options.platform or list(wheel_files.PLATFORMS)))
    print(pages.write_index(folder, archives, command))
    _show("Put the folder on a web space; artists add the address of index.json under Get Extensions > Repositories.")
    return 0


def _build(options: argparse.Namespace, folder: Path, platforms: list[str]) -> Iterator[Path]:
    """Builds the zips of these platforms, or the one without an engine; lists what each brings."""
    for platform in platforms:
        wheels = wheel_files.fetch(platform, Path(options.wheels or folder / "wheels").absolute(), _show)
        for line in wheel_facts.summary([wheel_facts.read(path) for path in wheels], wheel_files.notes(platform)):
            _show(line)
        yield package.build(folder, platform=platform, wheels=wheels, website=options.website)
    if not platforms:
        yield package.build(folder, website=options.website)


def doctor(options: argparse.Namespace) -> int:
    """Reports what is installed and what is wrong."""
    print(f"Engine folder: {venv.engine_folder()}")
    findings = []
    try:
        findings += venv.check(venv.worker_python())
    except CutoutError as error:
        findings.append(venv.Finding(False, error.text, error.hint))
    found = blenders.find_blenders(options.blender)
    findings += [venv.Finding(True, str(blender)) for blender in found]
    if not found:
        remedy = "If there is one, give its path: python install.py --blender PATH"
        findings.append(venv.Finding(False, "No Blender 4.2 or newer was found.", remedy))
    return 1 if _report(findings) else 0


def clips(options: argparse.Namespace) -> int:
    """Renders training clips."""
    from blender_cutout.devtools.rendered_clips import launch

    return launch.run(options, _show)


def lock(options: argparse.Namespace) -> int:
    """Writes the lists of files with their checksums; fails if some are unavailable."""
    from blender_cutout.devtools import pin_files

    lacking = pin_files.write_all(pinned_files.FOLDER, _show)
    for line in lacking:
        print(f"Not made: {line}")
    return 1 if lacking else 0


def _make_engine(options: argparse.Namespace) -> None:
    """Makes the engine's environment, unless the user provides one."""
    if os.environ.get(venv.PYTHON_VARIABLE):
        print(f"Using the engine's Python of {venv.PYTHON_VARIABLE}: {venv.worker_python()}")
        return
    for line in venv.create(device=options.device, base=options.python, newest=options.newest):
        _show(line)


def _report(findings: list[venv.Finding]) -> int:
    """Prints a check; returns the number of problems."""
    for finding in findings:
        print(f"{'  ok  ' if finding.ok else '! BAD '} {finding.text}")
        if finding.remedy:
            print(f"       {finding.remedy}")
    return sum(not finding.ok for finding in findings)


def _show(line: str) -> None:
    """Prints one line of an installation, unbuffered: it may take minutes."""
    print(f"  {line}", flush=True)


def _parser() -> argparse.ArgumentParser:
    # No defaults here: the sub-command's would override options given before it.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--blender", metavar="PATH", help="path of a Blender, instead of those found on this machine")
    common.add_argument(
        "--python", metavar="PATH", help="the Python to build the engine's environment on (3.10 to 3.13)"
    )
    common.add_argument(
        "--device", choices=("auto", "cpu"), help="cpu: the small PyTorch build, even if there is a graphics card"
    )
    common.add_argument(
        "--newest", action="store_true", help="install the newest libraries instead of the tested files"
    )
    parser = argparse.ArgumentParser(
        prog="install.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, parents=[common]
    )
    parser.set_defaults(blender=None, python=None, device="auto", newest=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=False)
    commands.add_parser("install", parents=[common], help="install the engine and the extension (the default)")
    sub = commands.add_parser("demo", parents=[common], help="run everything from strokes to a composite, headless")
    sub.add_argument("--output", metavar="DIR", default=str(ROOT / "demo-output"), help="folder for the results")
    sub = commands.add_parser("test", help="run all tests")
    names = ("engine", "4.2", "4.5", "5.0", "5.2", "newest")
    sub.add_argument("--only", action="append", default=[], choices=names, help="run only this suite; may be repeated")
    sub.add_argument(
        "--prepare",
        action="append",
        default=[],
        choices=names,
        help="make only this suite's environment; may be repeated",
    )
    sub = commands.add_parser("build", help="build the extension's zip")
    sub.add_argument("--output", metavar="DIR", default=str(ROOT / "dist"), help="folder for the zip")
    zips = "with ONNX Runtime, OpenCV and PyAV for this platform (needs a network); may be repeated"
    sub.add_argument("--platform", action="append", default=[], choices=wheel_files.PLATFORMS, help=zips)
    _add_zip_options(sub)
    sub = commands.add_parser("repository", help="write a folder that Blender installs and updates the extension from")
    sub.add_argument("--output", metavar="DIR", required=True, help="folder for the zips and their index")
    sub.add_argument("--platform", action="append", default=[], choices=wheel_files.PLATFORMS, help="default all")
    sub.add_argument("--blender", metavar="PATH", default=argparse.SUPPRESS, help="the Blender that writes the index")
    _add_zip_options(sub)
    sub = commands.add_parser("clips", help="render training clips with exact masks")
    blender = "path of a Blender to use instead of the tests' own"
    sub.add_argument("--blender", metavar="PATH", default=argparse.SUPPRESS, help=blender)
    sub.add_argument("--output", metavar="DIR", required=True, help="folder for the clips; finished ones stay")
    sub.add_argument("--count", type=int, default=100, help="how many there are in the end (default 100)")
    sub.add_argument("--seed", type=int, default=1, help="another seed makes other clips (default 1)")
    sub.add_argument(
        "--pictures",
        metavar="DIR",
        action="append",
        default=[],
        help="folder of photographs for surfaces and backgrounds; may be repeated (default: patterns only)",
    )
    commands.add_parser("lock", help="write the lists of the engine's files (needs a network)")
    commands.add_parser("doctor", parents=[common], help="report what is installed and what is wrong")
    return parser


def _add_zip_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--wheels", metavar="DIR", default="", help="folder of the wheels, downloaded where they lack")
    sub.add_argument("--website", metavar="URL", default="", help="page that Blender's button Website opens")


if __name__ == "__main__":
    sys.exit(main())
