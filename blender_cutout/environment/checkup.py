"""Checks an engine's Python and reports problems in plain language. Standard library only.

The libraries are imported in that Python, never in the caller's: the caller may be Blender.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..client.process import ENTRY, OLD_PROCESSOR, OLD_PROCESSOR_HINT, UNKNOWN_INSTRUCTION
from .machine import choose_torch

REPAIR = (
    "Press Set Up Engine in the add-on's preferences (without Blender: `python install.py`): it installs what is "
    "missing."
)
OWN_REPAIR = "Uninstall the add-on, restart Blender, and install the zip for this system again."
_COMMON = {
    "numpy": "NumPy",
    "cv2": "OpenCV",
    "av": "PyAV (reads movies)",
    "OpenImageIO": "OpenImageIO (reads and writes EXR, DPX and TGA)",
}
_LIBRARIES = {
    "torch": {
        "torch": "PyTorch (runs the networks)",
        **_COMMON,
        "safetensors": "safetensors (reads the weights)",
        "tqdm": "tqdm (shows progress)",
    },
    "onnx": {"onnxruntime": "ONNX Runtime (runs the networks)", **_COMMON},
}
"""What an engine needs, by the library that runs its networks."""
_PROBE = """
import importlib, importlib.util, json, sys
if sys.argv[2]:
    sys.path.append(sys.argv[2])
there = [library for library in ("torch", "onnxruntime") if importlib.util.find_spec(library)]
library = "onnx" if there == ["onnxruntime"] else "torch"
found = {"python": list(sys.version_info[:3]), "library": library, "libraries": {}, "weights": {}}
for name in json.loads(sys.argv[3])[library]:
    try:
        found["libraries"][name] = [True, str(getattr(importlib.import_module(name), "__version__", ""))]
    except Exception as error:
        found["libraries"][name] = [False, f"{type(error).__name__}: {error}"]
if library == "torch" and found["libraries"]["torch"][0]:
    import torch
    found["cuda"] = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    found["mps"] = bool(torch.backends.mps.is_available())
try:
    spec = importlib.util.spec_from_file_location("entry", sys.argv[1])
    entry = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(entry)
    entry.register_package()
    from blender_cutout.models.registry import WEIGHTS, weight_path
    for name, item in WEIGHTS.items():
        try:
            found["weights"][name] = [True, str(weight_path(item))]
        except Exception as error:
            found["weights"][name] = [False, str(getattr(error, "text", error))]
except Exception as error:
    found["engine"] = f"{type(error).__name__}: {error}"
print("FOUND " + json.dumps(found))
"""

_TRIAL = """
import importlib.util, json, sys, time
spec = importlib.util.spec_from_file_location("entry", sys.argv[1])
entry = importlib.util.module_from_spec(spec)
spec.loader.exec_module(entry)
entry.use_libraries(sys.argv[4] or None)
entry.register_package()
from blender_cutout.compose import choose_device, load_engine
from blender_cutout.core.errors import CutoutError
try:
    from blender_cutout.worker.tier_timing import fit_here
    from blender_cutout.core.synthetic import MovingShape
    from blender_cutout.environment.tier_record import keep
    try:
        keep(fit_here(load_engine, choose_device(sys.argv[3]))[1])
    except OSError as error:
        print(f"The timing cannot be stored: {error}", file=sys.stderr)
    engine, picture = load_engine(sys.argv[2], sys.argv[3]), MovingShape(frames=1)[0]
    started = time.perf_counter()
    engine.foreground(picture)
    seconds = time.perf_counter() - started
    found = {"tier": engine.tier, "device": str(choose_device(sys.argv[3])), "seconds": seconds}
except CutoutError as error:
    found = {"text": error.text, "hint": error.hint}
print("TRIED " + json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check.

    Attributes:
        ok: True if all is well.
        text: what was found.
        remedy: what to do about it, "" if all is well.
        broken: the environment itself is damaged and must be remade.
    """

    ok: bool
    text: str
    remedy: str = ""
    broken: bool = False


def check(python: str | os.PathLike[str], timeout: float = 180.0, libraries: str = "") -> list[Finding]:
    """Checks the engine that this Python would run: libraries, device, weights. Takes a few seconds.

    Args:
        python: the engine's.
        timeout: in seconds.
        libraries: folder of the libraries that came with the add-on; "" = the Python's own are used.

    Returns:
        The findings, most important first; the engine works if all are `ok`.
    """
    names = json.dumps({library: list(needed) for library, needed in _LIBRARIES.items()})
    command = [str(python), "-I", "-c", _PROBE, str(ENTRY), libraries, names]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except OSError as error:
        return [Finding(False, f"The engine's Python {python} does not start ({error}).", REPAIR, broken=True)]
    except subprocess.TimeoutExpired:
        return [Finding(False, f"The engine's Python {python} did not respond within {timeout:.0f} s.", "Try again.")]
    line = next((line for line in answer.stdout.splitlines() if line.startswith("FOUND ")), "")
    if not line:
        if answer.returncode in UNKNOWN_INSTRUCTION:
            return [Finding(False, OLD_PROCESSOR, OLD_PROCESSOR_HINT)]
        last = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
        return [Finding(False, f"The engine's Python {python} failed: {last}", REPAIR, broken=True)]
    return list(_findings(python, json.loads(line.removeprefix("FOUND ")), bool(libraries)))


def _findings(python: str | os.PathLike[str], found: dict[str, Any], own: bool) -> Iterator[Finding]:
    version = ".".join(map(str, found["python"]))
    fits = (3, 10) <= tuple(found["python"][:2])
    yield Finding(fits, f"Python {version} at {python}", "" if fits else "Python 3.10 or newer is needed. " + REPAIR)
    repair, works = OWN_REPAIR if own else REPAIR, True
    for name, what in _LIBRARIES[found["library"]].items():
        there, text = found["libraries"][name]
        if there:
            yield Finding(True, f"{what}: {text}".rstrip(": "))
        elif own and name == "OpenImageIO":
            yield Finding(True, "Pictures in EXR, DPX and TGA need the GPU engine: OpenImageIO is not in this Blender.")
        else:
            works = False
            yield Finding(False, f"{what} is missing or broken: {text}", repair, broken=True)
    if works:
        yield _device(found)
    if "engine" in found and works:
        yield Finding(False, f"The engine's own code cannot be loaded ({found['engine']}).", repair)
    for name, (there, text) in found["weights"].items():
        remedy = "" if there else "Install the add-on again: the weights are part of it."
        yield Finding(there, f"Weights of the network {name}: fine" if there else text, remedy)


def _device(found: dict[str, Any]) -> Finding:
    """Reports the device of the networks, and whether a graphics card is unused."""
    if found["library"] == "onnx":
        return Finding(True, "The networks run on the processor, with ONNX Runtime.")
    if found["cuda"]:
        return Finding(True, f"The networks run on the graphics card {found['cuda']}.")
    if found["mps"]:
        return Finding(True, "The networks run on the Apple GPU.")
    if choose_torch().build in ("cuda", "rocm"):
        remedy = (
            "Run `python install.py --device auto` to install PyTorch for it, or continue with the slower processor."
        )
        return Finding(False, "There is a graphics card, but this PyTorch cannot use it.", remedy)
    return Finding(True, "The networks run on the processor (no graphics card that PyTorch can use).")


@dataclass(frozen=True, slots=True)
class Trial:
    """Result of a self-test: tier, device, and the seconds of a first guess on a small picture."""

    tier: str
    device: str
    seconds: float


def try_out(
    python: str | os.PathLike[str],
    tier: str = "auto",
    device: str = "auto",
    timeout: float = 300.0,
    libraries: str = "",
) -> Trial | Finding:
    """Runs the engine on one picture in that Python, and finds the tier that suits this machine; takes a few seconds.

    Returns a Finding that says why if it did not work.
    """
    command = [str(python), "-I", "-c", _TRIAL, str(ENTRY), tier, device, libraries]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except OSError as error:
        return Finding(False, f"The engine's Python {python} does not start ({error}).", REPAIR)
    except subprocess.TimeoutExpired:
        return Finding(
            False, f"The engine did not respond within {timeout:.0f} s.", "Try again, or choose a faster tier."
        )
    line = next((line for line in answer.stdout.splitlines() if line.startswith("TRIED ")), "")
    if not line:
        last = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
        return Finding(False, f"The engine does not work: {last}", REPAIR)
    found = json.loads(line.removeprefix("TRIED "))
    if "text" in found:
        return Finding(False, found["text"], found["hint"])
    return Trial(found["tier"], found["device"], found["seconds"])
