"""What a measurement was made on, how many threads it may use, and how much memory the process holds."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def resident_mb() -> float:
    """Memory that the process holds now, in MB; its largest so far where the system does not tell; 0 = not known."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, ValueError):
        return peak_mb()


def peak_mb() -> float:
    """Largest memory that the process held so far, in MB; 0 = not known (Windows)."""
    try:  # the kernel's other number, below, begins with that of the process which started this one
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(float(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return 0.0
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 2**20 if platform.system() == "Darwin" else used / 2**10


def hardware(device: str) -> str:
    """What was measured on, in a line."""
    import torch

    if device == "cuda":
        return str(torch.cuda.get_device_name(0))
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, {device}"
    )


def set_threads(threads: int) -> None:
    """How many threads PyTorch and OpenCV use in this process from now on."""
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
