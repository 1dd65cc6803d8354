"""Starts the engine's process with fake networks; tests run it in place of `entry.py`. Not a test itself.

Arguments: --delay SECONDS for each network pass; --chatty prints on standard output and error, as libraries do;
--fail memory|cuda|surprise breaks every network pass; --full TIER … breaks those of these tiers for want of memory,
--full-at N only from the N-th on, --full-strokes those of strokes instead, --full-loading already their loading;
--no-weights makes the engine impossible to load;
--edge SECONDS has edges refined by colour, each look after that time;
--entry names another copy of entry.py, and the tier tells then where the package was loaded from.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import os
import sys
import time
from pathlib import Path
from typing import Any

ENTRY = Path(__file__).resolve().parents[3] / "blender_cutout" / "worker" / "entry.py"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--chatty", action="store_true")
    parser.add_argument("--fail", default="")
    parser.add_argument("--full", nargs="*", default=[])
    parser.add_argument("--full-at", type=int, default=0)
    parser.add_argument("--full-loading", action="store_true")
    parser.add_argument("--full-strokes", action="store_true")
    parser.add_argument("--no-weights", action="store_true")
    parser.add_argument("--edge", type=float, default=-1.0)
    parser.add_argument("--entry", default="")
    options = parser.parse_args()
    spec = importlib.util.spec_from_file_location("entry", options.entry or ENTRY)
    assert spec is not None
    assert spec.loader is not None
    entry = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(entry)

    def make_engine(tier: str, device: str) -> Any:
        from blender_cutout.core.engine import Engine, EngineSettings
        from blender_cutout.core.errors import OutOfMemory, WeightsError
        from blender_cutout.core.fakes import FakeAutomaticNet, FakePropagationNet, FakeScribbleNet
        from blender_cutout.core.propagation.settings import PropagationSettings

        if options.no_weights:
            raise WeightsError("The weights of the tier draft are missing.", "Run the installer again.")

        chosen = "draft" if tier == "auto" else tier
        passes = itertools.count()
        full = OutOfMemory("The device does not have enough memory.", "Choose a smaller tier.")
        if options.full_loading and chosen in options.full:
            raise full

        class Strokes(FakeScribbleNet):
            def predict(self, *given: Any) -> Any:
                if options.full_strokes and chosen in options.full:
                    raise full
                return super().predict(*given)

        class Net(FakePropagationNet):
            def segment(self, query: Any, memory: Any, previous: Any = None) -> Any:
                time.sleep(options.delay)
                if options.chatty:
                    print('{"v":1,"kind":"Pong"}')  # noqa: T201
                    os.write(1, b"downloading 100%\n")
                    os.write(2, b"warning: slow\n")
                if chosen in options.full and not options.full_strokes and next(passes) >= options.full_at:
                    raise full
                if options.fail == "memory":
                    raise MemoryError
                if options.fail == "cuda":
                    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
                if options.fail == "surprise":
                    raise ZeroDivisionError("division by zero")
                return super().segment(query, memory, previous)

        class Edge:
            def predict(self, image: Any, matte: Any) -> Any:
                time.sleep(options.edge)
                return (image[..., 0] > image[..., 2]).astype("float32")

        if options.entry:
            chosen = str(sys.modules["blender_cutout.core"].__file__)
        settings = EngineSettings(96, PropagationSettings(working_px=96))
        edge = Edge() if options.edge >= 0 else None
        return Engine(
            Strokes(), Net(), settings, edge=edge, tier=chosen, weights_id="fake", automatic=FakeAutomaticNet()
        )

    return int(entry.run(make_engine, []))


if __name__ == "__main__":
    sys.exit(main())
