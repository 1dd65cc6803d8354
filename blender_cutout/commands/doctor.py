"""Runs `cutout doctor`: checks this machine and says how to fix problems."""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.errors import CutoutError, WeightsError
from ..environment.machine import thread_count
from ..environment.network_library import chosen_library
from . import arguments

if TYPE_CHECKING:
    from .context import Context

_NEEDED = (
    ("numpy", "numpy", "arrays"),
    ("cv2", "opencv-python-headless", "pictures"),
    ("av", "av", "movies"),
    ("OpenImageIO", "openimageio", "EXR, DPX and TGA pictures"),
)
_OF_LIBRARY = {
    "torch": (("safetensors", "safetensors", "weights"), ("torch", "torch", "the networks")),
    "onnx": (("onnxruntime", "onnxruntime", "the networks"),),
}
"""What the networks need besides, by the library that runs them."""
_ENGINES = {
    "torch": "PyTorch runs the networks",
    "onnx": "ONNX Runtime runs the networks, on the processor and in 32 bits",
}
_REMEDY = "Run `python install.py` in Blender Cutout's folder, or install the package with its [worker] group."
_OLDEST = (3, 10)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One result: good or bad, what was checked, what was found, and the remedy."""

    ok: bool
    what: str
    text: str
    remedy: str = ""


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = arguments.command(
        commands,
        "doctor",
        run,
        "Checks this machine: Python, libraries, graphics card, weights, and the speed of the networks. From that it "
        "chooses the tier that `auto` uses from now on (with --tier NAME it only times that one). Exits with code 2 if "
        "something must be fixed.",
        "cutout doctor",
    )
    arguments.add_engine(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Prints the results."""
    bad = 0
    for finding in check_machine(args.tier, args.device, context):
        bad += not finding.ok
        context.report.event("finding", ok=finding.ok, what=finding.what, text=finding.text, remedy=finding.remedy)
        mark = "ok   " if finding.ok else "WRONG"
        context.report.say(f"{mark} {finding.what + ':':<12} {finding.text}")
        if finding.remedy:
            context.report.say(f"      {'':<12} -> {finding.remedy}")
    context.report.event("done", wrong=bad)
    context.report.say("Everything is ready." if not bad else f"{bad} problem(s) to fix.")
    return 2 if bad else 0


def check_machine(tier: str, device: str, context: Context) -> Iterator[CheckResult]:
    """Yields the results in order; later checks need the earlier ones to pass."""
    version = platform.python_version()
    text = f"{version} ({sys.executable})"
    if sys.version_info >= _OLDEST:
        yield CheckResult(True, "Python", text)
    else:
        yield CheckResult(False, "Python", text, "Use Python 3.10 or newer.")
    try:
        library = chosen_library()
    except CutoutError as error:
        yield CheckResult(False, "engine", error.text, error.hint)
        return
    yield CheckResult(True, "engine", _ENGINES[library])
    missing = False
    for module, package, use in (*_NEEDED, *_OF_LIBRARY[library]):
        finding = _library(module, package, use)
        missing |= not finding.ok
        yield finding
    if missing:
        return
    from .. import compose
    from ..core.tiers.table import AUTO, find_tier

    for check in (lambda: _device(compose, device), lambda: _weights(compose, find_tier(tier))):
        finding = _tried(check)
        yield finding
        if not finding.ok:
            return
    if tier == AUTO:
        yield _tried(lambda: _fitted(compose, device, context))
    else:
        yield _tried(lambda: _timed(tier, device, context))


def _library(module: str, package: str, use: str) -> CheckResult:
    try:
        found = importlib.import_module(module)
    except (ImportError, OSError) as error:
        return CheckResult(False, package, f"cannot be loaded, but is needed for {use} ({error}).", _REMEDY)
    return CheckResult(True, package, f"{getattr(found, '__version__', 'there')} ({use})")


def _tried(check: Callable[[], CheckResult]) -> CheckResult:
    try:
        return check()
    except WeightsError as error:
        return CheckResult(False, "weights", error.text, error.hint)
    except CutoutError as error:
        return CheckResult(False, "engine", error.text, error.hint)


def _device(compose: Any, device: str) -> CheckResult:
    chosen = compose.choose_device(device)
    if chosen == "cuda":
        import torch

        total = torch.cuda.get_device_properties(0).total_memory / 2**30
        return CheckResult(True, "device", f"the graphics card {torch.cuda.get_device_name(0)} with {total:.0f} GB")
    if chosen == "mps":
        return CheckResult(True, "device", "this Mac's graphics processor (Metal)")
    text = f"the processor, {thread_count()} threads: works, but a graphics card would be much faster"
    return CheckResult(True, "device", text)


def _weights(compose: Any, tier: Any) -> CheckResult:
    names = [f"{name} ({size / 2**20:.1f} MB)" for name, size in compose.check_weights(tier)]
    return CheckResult(True, "weights", f"complete and undamaged: {', '.join(names)}")


def _fitted(compose: Any, device: str, context: Context) -> CheckResult:
    """Finds the tier for auto and stores it."""
    from ..core.tiers.ladder import PACE
    from ..core.tiers.table import find_tier
    from ..environment import tier_record
    from ..worker import tier_timing

    begin, busy = time.perf_counter(), tier_timing.others_at_work()
    found, kept = tier_timing.fit_here(context.load, compose.choose_device(device))
    took = time.perf_counter() - begin
    why = f"the finest that needs at most {PACE} s per 480p frame and fits into memory"
    if kept.seconds > PACE:
        why = f"the fastest tier, although it needs more than {PACE} s per 480p frame"
    elif found.hurried:
        why += " (there was no time to try finer ones)"
    times = ", ".join(f"{name} {seconds:.2g} s" for name, seconds in found.timed.items())
    measured = find_tier(found.tier).measured
    need = f"; it needs about {measured.memory_mb} MB" if measured and measured.memory_mb else ""
    text = f"auto uses {found.tier}, {why}{need}; time per frame: {times}; timed in {took:.0f} s"
    remedy = "Other programs are busy, which makes the times longer: try again when they are done." if busy else ""
    try:
        return CheckResult(True, "tier", f"{text}; stored in {tier_record.keep(kept)}", remedy)
    except OSError as error:
        return CheckResult(True, "tier", f"{text}; this cannot be stored ({error}), so auto does not change", remedy)


def _timed(tier: str, device: str, context: Context) -> CheckResult:
    from ..core.synthetic import MovingShape
    from ..worker import tier_timing

    engine = context.load(tier, device)
    image = MovingShape(frames=1)[0]
    engine.foreground(image)
    begin = time.perf_counter()
    engine.foreground(image)
    guess = time.perf_counter() - begin
    pace = tier_timing.time_tier(engine)
    text = (
        f"tier {engine.tier}: a first guess takes {guess:.2f} s, propagation {pace:.2f} s per frame "
        f"({pace * 250 / 60:.1f} minutes for 10 seconds of film at 25 frames per second)"
    )
    return CheckResult(True, "speed", text)
