"""Describes the hardware of a measurement, limits its threads, and measures the process's memory."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from ...environment.machine import thread_count
from ...environment.network_library import TORCH, chosen_library


def resident_mb() -> float:
    """Returns the process's current memory in MB, or its peak if the system reports only that; 0 = not known."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, ValueError):
        return peak_mb()


def peak_mb() -> float:
    """Returns the process's peak memory in MB; 0 = not known (Windows)."""
    try:  # the other value, below, starts with that of the parent process
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
    """Returns a description of the hardware in one line."""
    threads = thread_count()
    if chosen_library() == TORCH:
        import torch

        if device == "cuda":
            return str(torch.cuda.get_device_name(0))
        threads = torch.get_num_threads()
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {threads} threads, {device}"


def set_threads(threads: int) -> None:
    """Sets the number of threads that the networks and OpenCV use in this process; before any network is loaded."""
    import cv2

    if chosen_library() == TORCH:
        import torch

        torch.set_num_threads(threads)
    else:
        os.environ["OMP_NUM_THREADS"] = str(threads)  # read when the networks are loaded
    cv2.setNumThreads(threads)
