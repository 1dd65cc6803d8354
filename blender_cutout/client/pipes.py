"""Reads and writes a child's pipes without ever waiting.

Only the standard library, no Blender. On Linux and macOS the pipes are simply set non-blocking. On Windows
`os.set_blocking` supports pipes only from Python 3.12 on, and Blender 4.2 to 5.0 have 3.11: there PeekNamedPipe returns
how many bytes are waiting, and the writing end is set to PIPE_NOWAIT mode, in which WriteFile writes what fits. Every
Windows Python uses the same way, so that there is only one to test.
"""

from __future__ import annotations

import os
import sys

READ_BYTES = 1 << 16

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    # Without argument types ctypes would truncate a 64-bit handle to an int.
    _kernel32.PeekNamedPipe.argtypes = [
        wintypes.HANDLE, wintypes.LPVOID, wintypes.DWORD, wintypes.LPDWORD, wintypes.LPDWORD, wintypes.LPDWORD,
    ]  # fmt: skip
    _kernel32.PeekNamedPipe.restype = wintypes.BOOL
    _kernel32.SetNamedPipeHandleState.argtypes = [wintypes.HANDLE, wintypes.LPDWORD, wintypes.LPDWORD, wintypes.LPDWORD]
    _kernel32.SetNamedPipeHandleState.restype = wintypes.BOOL
    _kernel32.WriteFile.argtypes = [
        wintypes.HANDLE, wintypes.LPCVOID, wintypes.DWORD, wintypes.LPDWORD, wintypes.LPVOID,
    ]  # fmt: skip
    _kernel32.WriteFile.restype = wintypes.BOOL
    _PIPE_NOWAIT = 0x1
    # A pipe with less free space than the buffer may accept nothing at all, so smaller pieces are tried too.
    _WRITE_SIZES = (4096, 512, 64, 1)

    def make_non_blocking(fd: int, writing: bool) -> None:
        """Prepares a pipe's end; raises OSError if the system refuses."""
        if writing:
            mode = wintypes.DWORD(_PIPE_NOWAIT)
            if not _kernel32.SetNamedPipeHandleState(msvcrt.get_osfhandle(fd), ctypes.byref(mode), None, None):
                raise ctypes.WinError(ctypes.get_last_error())

    def read_available(fd: int) -> bytes | None:
        """Returns what the pipe holds, at most READ_BYTES; None = nothing yet, b"" = the other end is closed."""
        waiting = wintypes.DWORD(0)
        if not _kernel32.PeekNamedPipe(msvcrt.get_osfhandle(fd), None, 0, None, ctypes.byref(waiting), None):
            return b""
        return os.read(fd, min(waiting.value, READ_BYTES)) if waiting.value else None

    def write_available(fd: int, data: bytes) -> int:
        """Returns how many bytes the pipe accepted, 0 if it is full; raises BrokenPipeError if its reader is gone."""
        written = wintypes.DWORD(0)
        for size in _WRITE_SIZES:
            piece = data[:size]
            if not _kernel32.WriteFile(msvcrt.get_osfhandle(fd), piece, len(piece), ctypes.byref(written), None):
                raise BrokenPipeError(ctypes.get_last_error(), "the child's standard input is closed")
            if written.value:
                return int(written.value)
        return 0

else:

    def make_non_blocking(fd: int, writing: bool) -> None:
        """Prepares a pipe's end; raises OSError if the system refuses."""
        os.set_blocking(fd, False)

    def read_available(fd: int) -> bytes | None:
        """Returns what the pipe holds, at most READ_BYTES; None = nothing yet, b"" = the other end is closed."""
        try:
            return os.read(fd, READ_BYTES)
        except BlockingIOError:
            return None

    def write_available(fd: int, data: bytes) -> int:
        """Returns how many bytes the pipe accepted, 0 if it is full; raises BrokenPipeError if its reader is gone."""
        try:
            return os.write(fd, data)
        except BlockingIOError:
            return 0
