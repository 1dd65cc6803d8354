"""Finds out whether the processor can run the engine's libraries, before one of them ends the process.

Standard library only; starts no process.
"""

from __future__ import annotations

import platform
import re
import sys
from contextlib import suppress
from pathlib import Path

from ..client.process import OLD_PROCESSOR, OLD_PROCESSOR_HINT
from ..core.errors import EnvironmentMissing

CPUINFO = Path("/proc/cpuinfo")
_NEEDED = "avx2"
_WINDOWS_AVX2 = 40
"""PF_AVX2_INSTRUCTIONS_AVAILABLE."""


def require_avx2() -> None:
    """Raises EnvironmentMissing if this processor is known to lack AVX2."""
    if has_avx2() is False:
        raise EnvironmentMissing(OLD_PROCESSOR, OLD_PROCESSOR_HINT)


def has_avx2(
    system: str = sys.platform, processor: str = platform.machine(), cpuinfo: Path | None = None
) -> bool | None:
    """Returns whether the processor has AVX2; None = it needs none (ARM), or the system does not say.

    Args:
        system: as `sys.platform`.
        processor: as `platform.machine()`.
        cpuinfo: Linux's description of the processor.
    """
    if processor.lower() not in ("x86_64", "amd64"):
        return None
    with suppress(OSError, AttributeError):
        if system == "linux":
            return _listed(cpuinfo or CPUINFO)
        if system == "win32":
            return _windows_has_avx2()
        if system == "darwin":
            return _mac_has_avx2()
    return None


def _listed(cpuinfo: Path) -> bool | None:
    with open(cpuinfo, encoding="utf-8", errors="replace") as lines:  # of many cores, the first is enough
        flags = next((line for line in lines if re.match(r"flags\s*:", line)), "")
    return _NEEDED in flags.split() if flags else None


def _windows_has_avx2() -> bool | None:
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    if sys.getwindowsversion().build < 19041:  # type: ignore[attr-defined,unused-ignore]
        return None  # older ones do not know the question, and answer no
    return bool(kernel.IsProcessorFeaturePresent(_WINDOWS_AVX2))


def _mac_has_avx2() -> bool | None:
    import ctypes

    value, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
    ask = ctypes.CDLL(None).sysctlbyname
    failed = ask(b"hw.optional.avx2_0", ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0))
    return None if failed else bool(value.value)
