"""Reads and writes job files: one JSON with a clip, its keyframes, settings and outputs. Standard library only.

Paths are relative to the job file's folder unless they have only the root of the disk in common with it. Masks and edge
settings that the job was made from are copied into a folder beside it, so later changes elsewhere do not affect it. A
field that is unknown, missing or of the wrong type is an error: a misspelt setting must not be ignored on a farm.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from .. import atomic
from ..edges.bounds import BOUNDS
from ..edges.settings import EdgeSettings
from ..errors import InputError, store_errors
from ..json_values.encoded import tuples
from ..json_values.kinds import check_kinds
from ..types import Direction, FrameRange, Paint
from .path_map import PathRule, mapped

FORMAT = "cutout job"
VERSION = 1
SUFFIX = ".job.json"
"""Ending of job files."""
EDGES, EXPORT, COMPOSITE = "edges", "export", "composite"
"""Kinds of outputs: refined alpha, the object with transparency, and the object over a background."""
_KINDS = EDGES, EXPORT, COMPOSITE
_PICTURES = ("", "png", "png16", "exr", "exr-straight", "exr-cryptomatte")
_MOST_BYTES = 16 * 2**20
_LAST = 10**7
_EDIT = "Correct it, or make the job again with `cutout job make`."

T = TypeVar("T")


class JobError(InputError):
    """A job file cannot be used."""


@dataclass(frozen=True, slots=True)
class JobClip:
    """The clip of a job.

    Attributes:
        path: movie file, or folder of pictures.
        frames: its number of frames.
        size: (height, width) in pixels.
        fingerprint: see `VideoSource`; a clip with another one is refused.
        files: see `Clip`.
    """

    path: str
    frames: int
    size: tuple[int, int]
    fingerprint: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobKeyframe:
    """A keyframe of a job.

    Attributes:
        frame: the clip frame.
        mask: path of its mask, a grey PNG.
        paint: shapes painted over the mask, as `Paint.to_json` writes them.
    """

    frame: int
    mask: str
    paint: tuple[dict[str, Any], ...] = ()

    def shapes(self) -> tuple[Paint, ...]:
        """Returns the painted shapes. Raises StrokeError."""
        return tuple(map(Paint.from_json, self.paint))


@dataclass(frozen=True, slots=True)
class JobOutput:
    """A result that is made from the masks of a job.

    Attributes:
        kind: `EDGES`, `EXPORT` or `COMPOSITE`.
        path: folder; a movie for exports and composites too.
        background: of a composite: a colour, or the path of a picture, folder or movie.
        foreground: for edges: also write the object's own colours.
        edge: edge settings by name; those that are missing are the command's defaults, or those of `edge_folder`.
        edge_folder: folder with an `edges.json`, see `core.session.edge_record`; "" = none.
        fps: frames per second of a movie; 0 = the clip's own.
        pictures: kind of the pictures in a folder, see `cutout composite --pictures`; "" = png.
    """

    kind: str
    path: str
    background: str = ""
    foreground: bool = False
    edge: dict[str, Any] = field(default_factory=dict)
    edge_folder: str = ""
    fps: float = 0.0
    pictures: str = ""


@dataclass(frozen=True, slots=True)
class ShotJob:
    """Everything that a propagation and its outputs depend on; paths as in the file.

    Attributes:
        clip: the clip.
        keyframes: in ascending order, at least one.
        masks: folder for the masks.
        tier: name of the tier, never "auto", which differs between machines.
        weights: `Engine.weights_id` of the networks; others are refused.
        algorithm: `core.session.track_session.ALGORITHM`; another one is refused.
        program: version of the program that made the file; for messages.
        frames: [start, stop) to propagate.
        previous: folder with masks of an earlier run, "" = none.
        locked: [start, stop) ranges whose masks of `previous` must not change.
        absent: [start, stop) ranges without the object.
        direction: a `Direction` value.
        stop_at_cuts, stop_below, stability: see `PropagationOptions`.
        task_frames: least number of frames of a task, see `core.jobs.tasks`.
        outputs: made when the masks are there.
        library: that ran the networks, torch or onnx, whose masks differ slightly; another one is refused; "" = any.
        head: id of the step at which the cutout was that it was made from; "" = it was made from masks.
    """

    clip: JobClip
    keyframes: tuple[JobKeyframe, ...]
    masks: str
    tier: str
    weights: str
    algorithm: int
    program: str
    frames: tuple[int, int]
    previous: str = ""
    locked: tuple[tuple[int, int], ...] = ()
    absent: tuple[tuple[int, int], ...] = ()
    direction: str = Direction.BOTH.value
    stop_at_cuts: bool = True
    stop_below: float = 0.0
    stability: float = 1.0
    task_frames: int = 50
    outputs: tuple[JobOutput, ...] = ()
    library: str = ""
    head: str = ""

    def __post_init__(self) -> None:
        """Checks what can be checked without opening a file. Raises JobError."""
        for problem in _problems(self):
            raise JobError(problem, _EDIT)

    @property
    def range(self) -> FrameRange:
        """Returns the frames to propagate."""
        return FrameRange(*self.frames)

    @property
    def edges(self) -> JobOutput | None:
        """Returns the output that refines edges, whose alpha later outputs take as their masks; None = none does."""
        return next((output for output in self.outputs if output.kind == EDGES), None)


def read_job(path: Path, rules: Sequence[PathRule] = ()) -> ShotJob:
    """Returns the job in a file, its paths absolute, on this machine by `rules`.

    Raises:
        JobError: it does not exist, is not a job file, is of a newer version, or a field is wrong.
    """
    try:
        record = json.loads(atomic.read_regular(path, _MOST_BYTES))
    except FileNotFoundError:
        raise JobError(f"The job file {path} does not exist.", "Make one with `cutout job make`.") from None
    except OSError as error:
        raise JobError(f"The job file {path} cannot be read ({error.strerror}).", "Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise JobError(f"{path} is not a job file: it is not JSON ({str(error)[:100]}).", _EDIT) from error
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
        raise JobError(f"{path} is not a job file.", "Give a file that `cutout job make` wrote.")
    version = record.pop("version", None)
    if type(version) is not int or version < 1:
        raise JobError(f"{path}: the version {str(version)[:40]!r} is not a whole number above 0.", _EDIT)
    if version > VERSION:
        raise JobError(
            f"{path} has version {version} of the job format, and this program reads up to {VERSION}.",
            "Update Blender Cutout on this machine.",
        )
    try:
        job = _object(ShotJob, record, "the job", _NESTED)
    except JobError as error:
        raise JobError(f"{path}: {error.text}", error.hint) from error
    return _with_paths(job, lambda text: _absolute(mapped(text, rules), path.absolute().parent))


def write_job(path: Path, job: ShotJob) -> None:
    """Writes a job whose paths are absolute, whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    near = _with_paths(job, lambda text: relative(text, path.absolute().parent))
    record = {"format": FORMAT, "version": VERSION, **asdict(near)}
    with store_errors(path):
        atomic.write(path, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())


def files_folder(path: Path) -> Path:
    """Returns the folder beside a job file for its copied masks and the records of finished tasks."""
    return path.with_name(path.name.removesuffix(".json"))


def relative(path: str, folder: Path) -> str:
    """Returns a path relative to `folder`, with slashes; absolute if they share nothing but the root of the disk."""
    full = os.path.abspath(path)
    try:
        shared = os.path.commonpath([full, folder])
    except ValueError:  # two drives
        return full
    return full if Path(shared) == Path(full).parents[-1] else Path(os.path.relpath(full, folder)).as_posix()


def is_file_background(text: str) -> bool:
    """Returns True if a background is a file or folder, not a colour: those have neither a dot nor a slash."""
    return any(sign in text for sign in "./\\")


def _absolute(text: str, folder: Path) -> str:
    return os.path.normpath(folder / text)


def _with_paths(job: ShotJob, place: Callable[[str], str]) -> ShotJob:
    """Returns the job with another spelling of each path."""

    def or_none(text: str) -> str:
        return place(text) if text else ""

    outputs = (
        replace(
            output,
            path=place(output.path),
            edge_folder=or_none(output.edge_folder),
            background=_background(output.background, place),
        )
        for output in job.outputs
    )
    return replace(
        job,
        clip=replace(job.clip, path=place(job.clip.path)),
        keyframes=tuple(replace(key, mask=place(key.mask)) for key in job.keyframes),
        masks=place(job.masks),
        previous=or_none(job.previous),
        outputs=tuple(outputs),
    )


def _background(text: str, place: Callable[[str], str]) -> str:
    if not is_file_background(text):
        return text
    placed = place(text)
    return placed if is_file_background(placed) else f"./{placed}"


def _object(kind: type[T], record: Any, where: str, nested: Mapping[str, Any] | None = None) -> T:
    """Returns the dataclass of a JSON object. Raises JobError for an unknown, missing or wrong field."""
    if not isinstance(record, dict):
        raise JobError(f"{where} is not a JSON object.", _EDIT)
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    for name in record:
        if name not in known:
            raise JobError(f"{where} has an unknown field {name[:60]!r}.", f"Known are: {', '.join(known)}.")
    for name, one in known.items():
        if name not in record and one.default is MISSING and one.default_factory is MISSING:
            raise JobError(f"{where} has no {name!r}.", _EDIT)
    values = {name: tuples(value) for name, value in record.items()}
    for name, (inner, many, label) in (nested or {}).items():
        if name not in record:
            continue
        if not many:
            values[name] = _object(inner, record[name], label)
        elif isinstance(record[name], list):
            values[name] = tuple(_object(inner, one, f"{label} {number}") for number, one in enumerate(record[name], 1))
    try:
        check_kinds(kind, values)
    except TypeError as error:
        raise JobError(f"{where}: {error}.", _EDIT) from error
    return kind(**values)


_NESTED = {
    "clip": (JobClip, False, "the clip"),
    "keyframes": (JobKeyframe, True, "keyframe"),
    "outputs": (JobOutput, True, "output"),
}
"""Field -> (class of its values, whether there are several, their name in messages)."""


def _problems(job: ShotJob) -> Iterable[str]:
    """Yields what is wrong with the values of a job, as sentences."""
    clip, (start, stop) = job.clip, job.frames
    if not 0 < clip.frames <= _LAST or not all(0 < side <= _LAST for side in clip.size):
        yield "the clip's number of frames or its size is out of range."
    if not 0 <= start < stop <= clip.frames:
        yield f"the frames {start}:{stop} are not within the clip's {clip.frames}."
    numbers = [key.frame for key in job.keyframes]
    if not numbers:
        yield "there is no keyframe."
    if numbers != sorted(set(numbers)):
        yield "the keyframes are not in ascending order, each frame once."
    if numbers and not 0 <= numbers[0] <= numbers[-1] < clip.frames:
        yield f"a keyframe lies outside the clip's {clip.frames} frames."
    for what, ranges in (("locked", job.locked), ("absent", job.absent)):
        for low, high in ranges:
            if not 0 <= low < high <= clip.frames:
                yield f"the {what} frames {low}:{high} are not within the clip's {clip.frames}."
    if job.locked and not job.previous:
        yield "there are locked frames, but no folder of previous masks."
    for low, high in job.absent:
        for frame in numbers:
            if low <= frame < high:
                yield f"keyframe {frame} is marked absent."
    if job.direction not in [one.value for one in Direction]:
        yield f"the direction {job.direction[:40]!r} is not known."
    if job.tier == "auto" or not job.tier:
        yield "the tier must be a name from `cutout tiers`; auto differs between machines."
    for name, value in (("stop_below", job.stop_below), ("stability", job.stability)):
        if not 0 <= value <= 1:
            yield f"{name} is {value}, not a number from 0 to 1."
    if job.task_frames < 1:
        yield "task_frames is not a number above 0."
    yield from _path_problems(job)
    for key in job.keyframes:
        try:
            key.shapes()
        except InputError as error:
            yield f"keyframe {key.frame}: {error.text}"
    for number, output in enumerate(job.outputs, 1):
        for problem in _output_problems(output):
            yield f"output {number}: {problem}"
    if sum(output.kind == EDGES for output in job.outputs) > 1:
        yield "there are two outputs of the kind edges."


def _path_problems(job: ShotJob) -> Iterable[str]:
    for name, path in (("masks", job.masks), ("clip", job.clip.path), *((o.kind, o.path) for o in job.outputs)):
        if not path or "\0" in path:
            yield f"the path of {name} is empty or not a path."
    written = [os.path.normcase(os.path.normpath(path)) for path in (job.masks, *(o.path for o in job.outputs))]
    if len(set(written)) < len(written):
        yield "two results have the same path."


def _output_problems(output: JobOutput) -> Iterable[str]:
    if output.kind not in _KINDS:
        yield f"the kind {output.kind[:40]!r} is not known; there are {', '.join(_KINDS)}."
    if (output.kind == COMPOSITE) != bool(output.background):
        yield "a composite needs a background, and other kinds have none."
    if output.pictures not in _PICTURES:
        yield f"the kind of pictures {output.pictures[:40]!r} is not known."
    if output.fps and not 0.1 <= output.fps <= 1000:
        yield f"fps is {output.fps}, not a number from 0.1 to 1000."
    unknown = output.edge.keys() - BOUNDS.keys()
    if unknown:
        yield f"the edge setting {min(unknown)[:40]!r} is not known."
    else:
        try:
            EdgeSettings.from_json(output.edge)
        except InputError as error:
            yield error.text
