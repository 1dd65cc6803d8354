"""Detects the machine and chooses the build of PyTorch for it. Standard library only.

The builds differ by gigabytes. On Linux the package index only has the CUDA build, so the CPU build must be requested
by name, from PyTorch's own index.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

NEWER, OLDER = "2.13.0", "2.8.0"
"""PyTorch versions to try, in this order."""
_INDEX = "https://download.pytorch.org/whl/"
# An unreachable index must not cost minutes: pip's own configuration may provide the build.
_PATIENCE = ("--retries", "1", "--timeout", "15")
ANY = ("torch>=2.4",)
_ROCM = (f"torch=={OLDER}+rocm6.4", "--extra-index-url", _INDEX + "rocm6.4")
_BIG = "It needs 5 GB or more on disk; `--device cpu` installs the small build instead."


@dataclass(frozen=True, slots=True)
class TorchChoice:
    """Which build of PyTorch to install.

    Attributes:
        build: "cpu", "cuda", "rocm" or "mps".
        reason: a sentence for the user.
        attempts: arguments of `pip install`, tried in this order.
        remedy: what the user can do if none of them works.
    """

    build: str
    reason: str
    attempts: tuple[tuple[str, ...], ...]
    remedy: str = ""

    @property
    def gigabytes(self) -> float:
        """Free disk space in GB that its installation needs: download, unpacked libraries, other requirements."""
        return {"cuda": 12.0, "rocm": 25.0}.get(self.build, 2.5)


def choose_torch(device: str = "auto", system: str = sys.platform, processor: str = platform.machine()) -> TorchChoice:
    """Returns the build for this machine; `device` "cpu" always chooses the small one."""
    if system == "darwin":
        if processor == "x86_64":
            return _cpu("PyTorch for Intel Macs ended with version 2.2, which is too old.", (ANY,))
        reason = "Apple computer: PyTorch's own build, which uses the graphics processor through Metal."
        return TorchChoice("mps", reason, ((f"torch=={NEWER}",), ANY))  # older systems take an older one
    cuda = cuda_version() if device != "cpu" else None
    if cuda and cuda >= (12, 0):
        reason = f"NVIDIA graphics card (CUDA {cuda[0]}.{cuda[1]}): PyTorch for CUDA. {_BIG}"
        return TorchChoice("cuda", reason, _cuda_attempts(cuda, system))
    if device != "cpu" and system == "linux" and has_rocm():
        reason = f"AMD graphics card with ROCm: PyTorch for ROCm. {_BIG}"
        return TorchChoice("rocm", reason, (_ROCM,))
    attempts = _cpu_attempts(system)
    if cuda:
        return _cpu(f"The NVIDIA driver is too old (CUDA {cuda[0]}.{cuda[1]}, 12 is needed): update it.", attempts)
    return _cpu("" if device == "cpu" else "No graphics card that PyTorch can use was found.", attempts)


def newest_torch() -> TorchChoice:
    """Returns the newest CPU build, to test what it breaks."""
    return _cpu("The newest.", ((*ANY, "--extra-index-url", _INDEX + "cpu", *_PATIENCE),))


def _cpu(why: str, attempts: tuple[tuple[str, ...], ...]) -> TorchChoice:
    reason = f"{why} PyTorch for the CPU, about 1 GB on disk.".strip()
    remedy = (
        "The small CPU build of PyTorch comes from https://download.pytorch.org/whl/cpu for Python 3.10 to 3.13: check "
        "the network, or name another Python (`python install.py --python PATH`). The large CUDA build is not taken "
        "instead; if you want that, install it yourself and set its Python in the preferences or in CUTOUT_PYTHON."
    )
    return TorchChoice("cpu", reason, attempts, remedy)


def _cpu_attempts(system: str) -> tuple[tuple[str, ...], ...]:
    own = tuple((f"torch=={v}+cpu", "--extra-index-url", _INDEX + "cpu", *_PATIENCE) for v in (NEWER, OLDER))
    # On Windows the package index has the CPU build.
    return (*own, (f"torch=={NEWER}",), ANY) if system == "win32" else own


def _cuda_attempts(cuda: tuple[int, int], system: str) -> tuple[tuple[str, ...], ...]:
    """Returns attempts for a CUDA version: drivers for CUDA 13 also run builds for 12, not vice versa."""
    newer: tuple[str, ...] = (f"torch=={NEWER}",)
    older: tuple[str, ...] = (f"torch=={OLDER}",)
    if system != "linux":
        newer = (f"torch=={NEWER}+cu130", "--extra-index-url", _INDEX + "cu130")
        older = (f"torch=={OLDER}+cu128", "--extra-index-url", _INDEX + "cu128")
    return (newer, older) if cuda >= (13, 0) else (older,)


def all_builds(system: str) -> tuple[tuple[str, ...], ...]:
    """Returns every build with its own version that `choose_torch` may choose there, as pip arguments."""
    if system == "darwin":
        return ((f"torch=={NEWER}",),)
    rocm = (_ROCM,) if system == "linux" else ()
    found = (*_cpu_attempts(system), *_cuda_attempts((13, 0), system), *rocm)
    return tuple(attempt for attempt in found if attempt != ANY)


def cuda_version() -> tuple[int, int] | None:
    """Returns the newest CUDA version that the NVIDIA driver supports; None without a card or a working driver."""
    command = shutil.which("nvidia-smi") or r"C:\Windows\System32\nvidia-smi.exe"
    try:
        answer = subprocess.run([command], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"CUDA Version:\s*(\d+)\.(\d+)", answer)
    return (int(found[1]), int(found[2])) if found else None


def has_rocm() -> bool:
    """Returns True if AMD's compute driver and libraries are installed."""
    return Path("/dev/kfd").exists() and (shutil.which("rocminfo") is not None or Path("/opt/rocm").is_dir())


@lru_cache(maxsize=1)
def processor_name() -> str:
    """Returns the processor's name."""
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()


def thread_count() -> int:
    """Returns the number of threads of the networks: OMP_NUM_THREADS, else one per core of this process."""
    chosen = os.environ.get("OMP_NUM_THREADS", "")
    if chosen.isdecimal() and int(chosen) > 0:
        return int(chosen)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def free_memory_mb() -> float:
    """Returns the available memory in MB; 0 = unknown (macOS)."""
    with suppress(OSError):
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
        return int(found[1]) / 2**10 if found else 0.0
    if sys.platform == "win32":
        return _windows_free_mb()
    return 0.0


def _windows_free_mb() -> float:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "available", "page_total", "page_free", "virtual_total", "virtual_free", "extended")
        ]

    status = Status(length=ctypes.sizeof(Status))
    call = ctypes.windll.kernel32.GlobalMemoryStatusEx  # type: ignore[attr-defined,unused-ignore]
    return status.available / 2**20 if call(ctypes.byref(status)) else 0.0
