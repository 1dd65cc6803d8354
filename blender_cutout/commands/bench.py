"""`cutout bench`: how long each stage takes on this machine, and how much memory the process needs."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..core.errors import InputError
from ..core.tiers import AUTO, DEFAULT
from . import arguments

if TYPE_CHECKING:
    from ..core.ports import FrameSource, PropagationNet
    from ..core.types import Image, Matte
    from .context import Context

T = TypeVar("T")
SERIES = ("frames", "strokes", "resolution", "objects", "keyframes")
"""What --costs measures; see `costs.SERIES`."""


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = arguments.command(
        commands,
        "bench",
        run,
        "Times every stage on this machine (median) and watches the memory of the process. Without CLIP a made-up "
        "clip is used. --frames 1000 shows that memory does not grow with the length.",
        "cutout bench --against cutie --threads 1 --frames 40",
    )
    parser.add_argument("clip", type=Path, nargs="?", metavar="CLIP", help="movie or folder (default a made-up clip)")
    parser.add_argument("--keyframe", type=Path, metavar="MASK.png", help="mask of the first frame of CLIP")
    parser.add_argument("--frames", type=arguments.positive, default=60, metavar="N", help="frames (default 60)")
    parser.add_argument("--size", default="854x480", metavar="WxH", help="of the made-up clip (default 854x480)")
    parser.add_argument(
        "--against", choices=["cutie"],
        help="time Cutie's small and base networks (package rf-cutie, any weights) on the same frames, taking turns",
    )  # fmt: skip
    parser.add_argument(
        "--costs", action="store_true",
        help="time and memory as frames, resolution, objects and keyframes grow; takes some minutes",
    )  # fmt: skip
    parser.add_argument(
        "--only", choices=SERIES, action="append", help="of --costs only this; may be given several times"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="COSTS.json", help="where --costs keeps its numbers")
    parser.add_argument("--picture", type=Path, metavar="COSTS.png", help="picture of --costs (needs matplotlib)")
    parser.add_argument("--threads", type=arguments.positive, metavar="N", help="of the processor (default all)")
    arguments.add_engine(parser, DEFAULT)


def run(args: argparse.Namespace, context: Context) -> int:
    """Prints the times."""
    from ..compose import choose_device, choose_tier
    from ..core.matte import read_mask
    from ..core.video import open_clip
    from ..evaluate.synthetic import MovingShape
    from . import versus

    arguments.check_tier(args.tier)
    if args.tier == AUTO:  # said by its name, and the same for all that is compared
        args.tier = choose_tier(AUTO, choose_device(args.device)).name
    if args.costs:
        from . import costs

        return costs.run(args, context)
    if args.clip and not args.keyframe:
        raise InputError("A clip needs --keyframe.", "Give the mask of its first frame.")
    with ExitStack() as stack:
        if args.clip:
            source: Any = stack.enter_context(open_clip(args.clip))
        else:
            source = MovingShape(args.frames, _size(args.size))
        matte = read_mask(args.keyframe, source.size) if args.clip else source.matte(0)
        if args.threads:
            versus.set_threads(args.threads)
        return (versus.compare if args.against else _measure)(args, context, source, matte)


def _measure(args: argparse.Namespace, context: Context, source: Any, matte: Matte) -> int:
    from ..compose import Networks, choose_device, load_networks, make_engine
    from ..core.tiers import find_tier
    from ..core.types import Label, Stroke

    tier = find_tier(args.tier)
    clock = Clock()
    frames = min(args.frames, len(source))
    device = choose_device(args.device)
    begin = time.perf_counter()
    networks = load_networks(tier, device)
    loading = time.perf_counter() - begin
    timed = Networks(networks.scribble, TimedPropagation(networks.propagation, clock), networks.weights_id)
    engine = make_engine(timed, tier, device)
    image = source[0]
    centre = [(source.size[1] / 2, source.size[0] / 2)]
    for _ in range(6):
        clock.time("first guess", lambda: engine.foreground(image))
        clock.time("round of strokes", lambda: engine.refine(image, [Stroke(centre, 6.0, Label.KEEP)], previous=matte))
    memory: dict[int, float] = {}
    steps = engine.propagate(TimedFrames(source, clock), {0: matte}, (0, frames))
    last = time.perf_counter()
    for done, _ in enumerate(context.report.progress(steps, frames, "propagating"), start=1):
        now = time.perf_counter()
        clock.add("whole frame", now - last)
        last = now
        if done in _marks(frames):
            memory[done] = resident_mb()
    _report(context, clock, memory, engine.tier, device, loading, source.size, frames)
    return 0


class Clock:
    """Durations by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def add(self, stage: str, seconds: float) -> None:
        """Notes a duration."""
        self.seconds[stage].append(seconds)

    def time(self, stage: str, work: Callable[[], T]) -> T:
        """Does `work` and notes how long it took."""
        begin = time.perf_counter()
        result = work()
        self.add(stage, time.perf_counter() - begin)
        return result


class TimedFrames:
    """A frame source whose reading is timed."""

    def __init__(self, source: FrameSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, frame: int) -> Image:
        """See `FrameSource`."""
        return self._clock.time("reading", lambda: self._source[frame])


class TimedPropagation:
    """A propagation network whose calls are timed. A graphics card works ahead: its time shows up in `memory`."""

    def __init__(self, net: PropagationNet, clock: Clock) -> None:
        self._net = net
        self._clock = clock

    def encode_key(self, image: Image) -> Any:
        """See `PropagationNet`."""
        return self._clock.time("key", lambda: self._net.encode_key(image))

    def encode_value(self, image: Image, key: Any, mattes: Any) -> Any:
        """See `PropagationNet`."""
        return self._clock.time("value", lambda: self._net.encode_value(image, key, mattes))

    def segment(self, query: Any, memory: Sequence[Any], previous: Any = None) -> Any:
        """See `PropagationNet`."""
        return self._clock.time("memory and decoder", lambda: self._net.segment(query, memory, previous))

    def attention(self, query: Any, keyframe: Any, difference: Any) -> Any:
        """See `PropagationNet`."""
        return self._clock.time("attention", lambda: self._net.attention(query, keyframe, difference))


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


def _report(
    context: Context,
    clock: Clock,
    memory: dict[int, float],
    tier: str,
    device: str,
    loading: float,
    size: tuple[int, int],
    frames: int,
) -> None:
    import torch

    medians = {stage: statistics.median(times) for stage, times in clock.seconds.items()}
    place = hardware(device)
    card = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else None
    context.report.event(
        "done", tier=tier, hardware=place, frames=frames, size=list(size), loading=loading, median_seconds=medians,
        memory_mb=memory, peak_mb=peak_mb(), card_mb=card,
    )  # fmt: skip
    say = context.report.say
    say(f"tier {tier} on {place}; {frames} frames of {size[1]} x {size[0]}; loading took {loading:.1f} s")
    say(f"{'stage':<22}{'median ms':>10}{'times':>8}")
    for stage, value in medians.items():
        say(f"{stage:<22}{1000 * value:>10.1f}{len(clock.seconds[stage]):>8}")
    for done, megabytes in memory.items():
        say(f"memory after {done:>5} frames: {megabytes:.0f} MB")
    say(f"peak memory: {peak_mb():.0f} MB" + (f", on the card {card:.0f} MB" if card is not None else ""))


def _marks(frames: int) -> set[int]:
    return {min(frames, 20), frames, *range(100, frames, 100)}


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) >= 64 and int(height) >= 64):
        raise InputError(f"{text!r} is not a size of at least 64x64.", "Write WIDTHxHEIGHT, for instance 854x480.")
    return int(height), int(width)
