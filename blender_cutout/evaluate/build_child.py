"""Serves the engine of another build, in that build's Python; see `build.py`. Uses only that build's public API.

    python build_child.py CHECKOUT        ("" = the package installed in that Python)

It must work with builds older than this file, so it imports nothing of ours but what every release has.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import struct
import sys
import threading
from dataclasses import replace
from typing import Any, BinaryIO

_HEAD = struct.Struct(">II")


def send(pipe: BinaryIO, record: dict[str, Any], **arrays: Any) -> None:
    """Writes one message: a JSON record and arrays by name."""
    import numpy as np

    body = io.BytesIO()
    if arrays:
        np.savez(body, **arrays)
    head, data = json.dumps(record).encode(), body.getvalue()
    pipe.write(_HEAD.pack(len(head), len(data)) + head + data)
    pipe.flush()


def receive(pipe: BinaryIO) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads one message as (record, arrays). Raises EOFError if the other side is gone."""
    import numpy as np

    head, body = _HEAD.unpack(_exactly(pipe, _HEAD.size))
    record, data = json.loads(_exactly(pipe, head)), _exactly(pipe, body)
    if not data:
        return record, {}
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return record, {name: found[name] for name in found.files}


def _exactly(pipe: BinaryIO, count: int) -> bytes:
    data = pipe.read(count) if count else b""
    if len(data) != count:
        raise EOFError
    return data


class _Frames:
    """The clip's frames, requested over the pipe."""

    def __init__(self, inward: BinaryIO, outward: BinaryIO, length: int, size: tuple[int, int]) -> None:
        self.size = size
        self._inward, self._outward, self._length = inward, outward, length
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, frame: int) -> Any:
        if not 0 <= frame < self._length:
            raise IndexError(frame)
        with self._lock:
            send(self._outward, {"want": int(frame)})
            return receive(self._inward)[1]["image"]


def serve(inward: BinaryIO, outward: BinaryIO) -> None:
    """Answers requests until the other side closes."""
    other = importlib.import_module("blender_cutout")  # the build being measured, not the one this file belongs to
    engine: Any = None
    while True:
        try:
            ask, arrays = receive(inward)
        except EOFError:
            return
        try:
            if ask["do"] == "load":
                engine = other.load_engine(ask["tier"], ask["device"])
                if ask["whole_frame"]:
                    propagation = replace(engine.settings.propagation, follow=False)
                    engine.settings = replace(engine.settings, propagation=propagation)
                about = {"tier": engine.tier, "device": engine.device, "weights": engine.weights_id}
                send(outward, {**about, "version": other.__version__})
            elif ask["do"] == "foreground":
                send(outward, {}, matte=engine.foreground(arrays["image"]))
            elif ask["do"] == "refine":
                strokes = [other.Stroke(**stroke) for stroke in ask["strokes"]]
                send(outward, {}, matte=engine.refine(arrays["image"], strokes, previous=arrays.get("previous")))
            elif ask["do"] == "propagate":
                frames = _Frames(inward, outward, ask["length"], tuple(ask["size"]))
                given = {ask["given"]: arrays["mattes"]}
                for frame, mattes in engine.propagate(frames, given, tuple(ask["range"]), stability=ask["stability"]):
                    send(outward, {"frame": frame}, mattes=mattes)
                send(outward, {"end": True})
        except Exception as error:  # whatever it is, it belongs to the build being measured
            text = getattr(error, "text", f"{type(error).__name__}: {error}")
            send(outward, {"error": text, "hint": getattr(error, "hint", "")})


def main() -> None:
    """Serves over the process's own input and output; anything the build prints goes to standard error."""
    if sys.argv[1]:
        sys.path.insert(0, sys.argv[1])
    outward = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, outward)


if __name__ == "__main__":
    main()
