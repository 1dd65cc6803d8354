"""Runs the add-on in a real window with a simulated hand: `python tests/window/run.py [--blender PATH] [--output DIR]`.

Builds the extension, installs it into a scratch profile of that Blender, opens a window on a virtual screen, draws,
presses the panel's buttons and checks the pixels on the screen. Linux only; needs Xvfb, xdotool and ImageMagick, and
the engine's environment (or CUTOUT_PYTHON), with `--bundled` only to make the film: there the zip brings its engine, as
on a machine that has nothing else. Takes minutes without a graphics card, so pytest does not collect it. Exit
code 0: every check passed; the screenshots of each step are in the output folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(HERE.parent)]

import bpy_kit as kit  # noqa: E402

from blender_cutout.core.errors import CutoutError  # noqa: E402
from blender_cutout.devtools import blenders, package, suites, wheel_files  # noqa: E402
from blender_cutout.environment import venv  # noqa: E402

SCREEN = (1280, 840)
"""Small, because the processor draws everything."""
PICTURES = [*range(12), *range(10, -1, -1), *range(1, 12)]
"""The clip's frames, as frames of `bpy_kit`: there and back again."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the test; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blender", metavar="PATH", help="a Blender's program; default the newest that is found")
    parser.add_argument("--output", metavar="DIR", help="where the pictures go; default a temporary folder")
    parser.add_argument("--tour", metavar="FOLDER", help="no test, but the documentation's pictures: see tour.py")
    parser.add_argument("--acts", metavar="NAMES", default="", help="play only these, as in scenario.py; default all")
    parser.add_argument("--wheels", metavar="FOLDER", help="of the engine's libraries: Set Up Engine is tried with it")
    parser.add_argument("--bundled", action="store_true", help="the zip that brings its engine, and no other engine")
    parser.add_argument("--limit", metavar="SECONDS", type=float, default=1200.0, help="end Blender after this time")
    options = parser.parse_args(arguments)
    missing = [tool for tool in ("Xvfb", "xdotool", "import", "convert") if not shutil.which(tool)]
    if missing:
        sys.exit(f"Not installed: {', '.join(missing)}. On Debian: apt install xvfb xdotool imagemagick")
    try:
        found = blenders.find_blenders(options.blender)
        engine = venv.worker_python()
    except (blenders.BlenderError, CutoutError) as error:
        sys.exit(str(error))
    if not found:
        sys.exit("No Blender was found. Name it: --blender PATH")
    output = Path(options.output or tempfile.mkdtemp(prefix="cutout-window-")).absolute()
    output.mkdir(parents=True, exist_ok=True)
    if options.tour:
        _play(found[0], engine, output, options.limit, options.bundled, Path(options.tour).absolute())
        return 0
    wheels = str(Path(options.wheels).absolute()) if options.wheels else ""
    return _test(found[0], engine, output, options.limit, options.bundled, options.acts, wheels)


def _test(
    blender: blenders.Blender, engine: Path, output: Path, limit: float, bundled: bool, acts: str, wheels: str
) -> int:
    report = output / "report.json"
    report.unlink(missing_ok=True)
    _play(blender, engine, output, limit, bundled, None, acts, wheels)
    if not report.is_file():
        print("Blender ended before the test did: see blender.log")
        return 1
    checks = json.loads(report.read_text(encoding="utf-8"))
    for check in checks:
        print(f"{'  ok  ' if check['ok'] else '! BAD '} {check['name']}: {check['detail']}")
    return 0 if checks[-1]["name"] == "the test ran to its end" and all(check["ok"] for check in checks) else 1


def _play(
    blender: blenders.Blender,
    engine: Path,
    output: Path,
    limit: float,
    bundled: bool,
    film: Path | None,
    acts: str = "",
    wheels: str = "",
) -> None:
    """Starts the window and waits for its end; without a film for the test, with one for the tour."""
    with tempfile.TemporaryDirectory(prefix="cutout-profile-") as scratch, virtual_screen() as display:
        os.environ.update(
            DISPLAY=display,
            BLENDER_USER_RESOURCES=f"{scratch}/profile",
            LIBGL_ALWAYS_SOFTWARE="1",
        )
        os.environ |= {"CUTOUT_HOME": f"{scratch}/home"} if bundled else {"CUTOUT_PYTHON": str(engine)}
        if bundled:
            os.environ.pop("CUTOUT_PYTHON", None)
        began = time.monotonic()
        blenders.install_extension(blender, _zip(Path(scratch), bundled))
        print(f"The zip is built and installed in {time.monotonic() - began:.1f} s.")
        clip, large = film or Path(scratch) / "clip", Path(scratch) / "film.mp4"
        if film is None:
            subprocess.run([str(engine), str(HERE / "film.py"), str(large)], check=True)
            clip.mkdir()
            for number, picture in enumerate(PICTURES):
                kit.write_png(clip / f"klipp {number:04d}.png", kit.picture(picture))
        rest = [str(output), str(clip)] + ([scratch] if film else [str(large), scratch, wheels, acts])
        command = [
            str(blender.path), "--no-window-focus", "-p", "0", "0", *map(str, SCREEN),
            "--python", str(HERE / ("tour.py" if film else "scenario.py")), "--", *rest,
        ]  # fmt: skip
        with (output / "blender.log").open("w", encoding="utf-8") as log:
            try:
                subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, timeout=limit)
            except subprocess.TimeoutExpired:
                print(f"Blender was ended after {limit:.0f} s.")
    print(f"{blender}\nPictures and log: {output}")


def _zip(folder: Path, bundled: bool) -> Path:
    """Builds the extension's zip in a folder, with or without an engine of its own."""
    if not bundled:
        return package.build(folder)
    here = wheel_files.platform_here()
    return package.build(folder, platform=here, wheels=wheel_files.fetch(here, suites.wheels_folder(), print))


@contextmanager
def virtual_screen() -> Iterator[str]:
    """Runs a screen of its own and gives its name; ended afterwards."""
    read, write = os.pipe()
    width, height = SCREEN
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "+extension", "GLX"]
    server = subprocess.Popen(command, pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        if not number:
            sys.exit("Xvfb does not start.")
        time.sleep(0.5)
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
