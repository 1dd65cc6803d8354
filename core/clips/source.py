"""Clips as exact frames by number: movies, folders of pictures, single pictures.

Use `open_clip` to open one. OpenCV's and PyAV's own seeking is off by frames on many movies; `movie.py` explains the
alternative. Pictures are read as Blender reads them: in natural name order, without EXIF rotation.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from ..errors import FrameReadError
from ..frame_text import FrameText
from ..images import oiio_pictures
from ..types import PICTURE_SUFFIXES as PICTURE_SUFFIXES
from .picture import DamagedPicture, bits_of, picture_notes, read_alpha, read_deep, read_picture, size_doubt
from .picture_sequence import animation_notes, sequence_notes
from .picture_sequence import natural_key as natural_key
from .prefetch import Prefetcher

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..types import Image, Matte


CACHE_BYTES = 64 * 2**20
"""Frames kept that a movie's decoder passed on its way: enough to step backward through 1080p without decoding a group
of pictures for every frame. Pictures in the cache, twice as large, take up to half as many bytes."""
MOST_KEPT = 256
"""Most such frames, however small: encoders place a key frame at least every 250."""

_HASHED = 64 * 1024
_MOST_HELD = 24
"""Most consecutive damaged pictures that the last good one replaces."""
_SHOWN = 300


class VideoSource(ABC):
    """A clip: exact frames (H, W, 3) uint8 RGB by number, from 0. A context manager; `close` may be called twice.

    Frames may be requested from several threads; they are read one after another.

    Attributes:
        size: (height, width).
        fps: frames per second; 0 = unknown or pictures.
        fingerprint: stays the same when the clip is moved or renamed, and changes with its content.
        shown: when Blender shows which of its frames, see `shown_frames.shown`; "" = each.
        unbounded: its values may be brighter than white.
        linear: its file holds linear light, which its frames show as sRGB.
        strict: a damaged frame is an error; otherwise the good one before it may replace it.
        turned: degrees counter-clockwise by which its pictures are rotated, as the file requests.
    """

    size: tuple[int, int]
    fps: float
    fingerprint: str
    shown: str = ""
    turned: int = 0
    unbounded: bool = False
    linear: bool = False
    strict: bool = False

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Image] = OrderedDict()
        self._passed = DecodedCache()
        self._lock = RLock()
        self._ahead = Prefetcher()
        self._notes: list[str] = []
        self._damaged: list[int] = []

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _read(self, frame: int) -> Image:
        """Decodes a frame whose number is valid."""

    def __getitem__(self, frame: int) -> Image:
        """Returns frame (H, W, 3) uint8 RGB; read-only.

        Raises:
            FrameReadError: out of range, or it cannot be decoded.
        """
        number = int(frame)
        if not 0 <= number < len(self):
            raise FrameReadError(
                f"Frame {number} lies outside the clip, which has {len(self)} frames.",
                f"Frames are counted from 0 to {len(self) - 1}.",
            )
        with self._lock:
            image = self._kept.get(number)
            if image is None:
                image = self._read(number)
                self._keep(number, image)
            self._kept.move_to_end(number)
        return image

    def alpha(self, frame: int) -> Matte | None:
        """Returns the clip's own transparency at a frame, (H, W) float32, 0 = clear to 1; None when it has none.

        Raises:
            FrameReadError: out of range, or it cannot be decoded.
        """
        return None

    @property
    def bits(self) -> int:
        """Returns the bits of a channel in the clip's file, 16 and 32 for floats; frames have 8 all the same."""
        return 8

    @property
    def hdr(self) -> tuple[int, int] | None:
        """Returns the transfer characteristics and primaries (ITU-T H.273) of an HDR movie; None for other clips."""
        return None

    def deep(self, keep_hdr: bool = False) -> VideoSource:
        """Returns the same clip opened once more, with all bits: frames are (H, W, 3) float32, sRGB as a rule.

        Values of EXR and HDR pictures go beyond 0 to 1.

        Args:
            keep_hdr: frames of an HDR movie are its own values from 0 to 1, not converted to BT.709.

        Raises:
            FrameReadError: it cannot be opened again.
        """
        return self

    def note_damage(self, frame: int) -> None:
        """Remembers that another frame replaces a damaged one."""
        if frame not in self._damaged:
            self._damaged.append(frame)

    def add_notes(self, notes: Sequence[str]) -> None:
        """Adds facts for the user, as sentences, that `take_notes` returns."""
        self._notes += notes

    def take_notes(self) -> list[str]:
        """Returns new facts about the clip for the user, as sentences; each only once."""
        notes, self._notes = self._notes, []
        damaged, self._damaged = sorted(self._damaged), []
        if damaged:
            many = "" if len(damaged) == 1 else f" The same goes for {len(damaged) - 1} more."
            notes.append(FrameText(damaged[0], " of the clip is damaged: the frame before it is used instead.", many))
        return notes

    def prefetch(self, frame: int) -> None:
        """Starts reading a frame that will be needed soon, in another thread; ignores frames outside the clip."""
        if 0 <= frame < len(self) and frame not in self._kept:
            self._ahead.begin(lambda: self[frame])

    def _keep(self, frame: int, image: Image) -> None:
        """Adds a decoded frame to the cache, evicting the least recently used one."""
        image.flags.writeable = False
        self._kept[frame] = image
        self._kept.move_to_end(frame)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)

    @property
    def _capacity(self) -> int:
        return max(3, min(MOST_KEPT, CACHE_BYTES // 2 // (3 * self.size[0] * self.size[1])))

    @property
    def _passed_bytes(self) -> int:
        return CACHE_BYTES

    def close(self) -> None:
        """Releases files and decoded frames."""
        self._ahead.close()
        self._kept.clear()
        self._passed.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Pictures(VideoSource):
    """Picture files as a clip, one frame each.

    Args:
        paths: in frame order, at least one.
        notes: facts about them for the user, as sentences.

    Raises:
        FrameReadError: the first picture cannot be read.
    """

    def __init__(self, paths: Sequence[Path], notes: Sequence[str] = ()) -> None:
        super().__init__()
        self._notes += notes
        self._paths = list(paths)
        self._good: dict[int, int] = {}
        self.fps = 0.0
        if doubt := size_doubt(self._paths):
            self.shown = f"!{doubt}"
        self.unbounded = self._paths[0].suffix.lower() in (".exr", ".hdr")
        self.linear = oiio_pictures.is_ours(self._paths[0]) and not oiio_pictures.is_srgb(self._paths[0])
        first = self._load(self._paths[0])
        self.size = first.shape[0], first.shape[1]
        self._keep(0, first)
        self.fingerprint = fingerprint(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def alpha(self, frame: int) -> Matte | None:
        """Returns the picture's own transparency, see `VideoSource.alpha`."""
        if self[frame].shape[:2] != self.size:
            return None
        return read_alpha(self._paths[self._good.get(frame, frame)])

    def _read(self, frame: int) -> Image:
        try:
            return self._picture(frame)
        except DamagedPicture as error:
            good = None if self.strict else self._before(frame)
            if good is None:
                raise FrameReadError(error.text, error.hint + self._without(frame)) from error
            self._good[frame] = good
            self._notes.append(f"{self._paths[frame].name} is damaged: the picture before it is used instead.")
            return self._picture(good)

    def _without(self, frame: int) -> str:
        """Returns a hint at the command line's option that leaves pictures out; "" for a single picture."""
        after = next(filter(self._is_good, self._following(frame)), None)
        rest = f"0:{frame}" if after is None else f"{after}:{len(self)}"
        return f" Or leave it out: --range {rest}." if len(self) > 1 else ""

    def _before(self, frame: int) -> int | None:
        """Returns the last good picture before a damaged one; None at the end, which may still be being written."""
        before = range(frame - 1, max(-1, frame - 1 - _MOST_HELD), -1)
        return next(filter(self._is_good, before), None) if any(map(self._is_good, self._following(frame))) else None

    def _following(self, frame: int) -> range:
        return range(frame + 1, min(len(self), frame + 1 + _MOST_HELD))

    def _is_good(self, frame: int) -> bool:
        try:
            self._picture(frame)
        except FrameReadError:
            return False
        return True

    @property
    def bits(self) -> int:
        """Returns the bits of a channel of the first picture."""
        return bits_of(self._paths[0])

    def deep(self, keep_hdr: bool = False) -> Pictures:
        """Returns the same pictures with all their bits, see `VideoSource.deep`."""
        return DeepPictures(self._paths)

    def _load(self, path: Path) -> Image:
        return read_picture(path)

    def _picture(self, frame: int) -> Image:
        image = self._load(self._paths[frame])
        if image.shape[:2] != self.size:
            raise FrameReadError(
                f"{self._paths[frame].name} is {image.shape[1]} x {image.shape[0]} pixels, "
                f"{self._paths[0].name} {self.size[1]} x {self.size[0]}.",
                "All pictures of a sequence must have the same size.",
            )
        return image


class DeepPictures(Pictures):
    """Like `Pictures`, but with all bits, see `VideoSource.deep`."""

    def _load(self, path: Path) -> Any:
        return read_deep(path)

    @property
    def _capacity(self) -> int:
        return 2


def _pictures_of(path: Path, files: Sequence[str]) -> list[Path]:
    """Returns the pictures of a clip in order, none = it is a movie. Raises FrameReadError, OSError or ValueError."""
    if files:
        paths = [path / name for name in files]
        missing = [p.name for p in paths if not p.is_file()]
        if missing:
            raise FrameReadError(
                f"{len(missing)} of {len(paths)} pictures are missing in {path}, the first is {missing[0]}.",
                "Check the folder, or choose the clip again.",
            )
        return paths
    if path.is_dir():
        paths = sorted((p for p in path.iterdir() if _is_picture(p)), key=lambda p: natural_key(p.name))
        if not paths:
            raise FrameReadError(
                f"The folder {path} has no pictures.",
                f"Choose a folder with {', '.join(sorted(PICTURE_SUFFIXES))} files.",
            )
        return paths
    if not path.exists():
        raise FrameReadError(f"The clip {path} does not exist.", "Check the path, or choose the clip again.")
    if path.stat().st_size == 0:
        raise FrameReadError(f"The clip {path} is an empty file.", "Copy or export it again.")
    return [path] if path.suffix.lower() in PICTURE_SUFFIXES else []


def _notes_of(path: Path, pictures: Sequence[Path]) -> list[str]:
    """Returns what is odd about a folder of pictures, or a picture, as sentences."""
    own = sequence_notes(path, [p.name for p in pictures]) if path.is_dir() else animation_notes(path)
    return [*own, *picture_notes(pictures[0])]


def fingerprint(paths: Sequence[Path]) -> str:
    """Returns the identity of files by size and content at head, middle and tail (of up to three of them).

    Neither path nor modification time counts, so a project that was copied or unpacked elsewhere stays the same.
    """
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.stat().st_size};".encode())
    for path in dict.fromkeys((paths[0], paths[len(paths) // 2], paths[-1])):
        with path.open("rb") as file:
            size = path.stat().st_size
            for place in (0, size // 2, size - _HASHED):
                file.seek(max(0, place))
                digest.update(file.read(_HASHED))
    return digest.hexdigest()[:32]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".") and path.is_file()


class DecodedCache:
    """Decoded frames by number, before conversion to pictures, which at least halves their memory."""

    def __init__(self) -> None:
        self._frames: dict[int, Any] = {}
        self._bytes = 0

    def add(self, number: int, decoded: Any, most: int) -> None:
        """Stores a frame; drops the oldest until no more than `most` bytes are held."""
        self._drop(number)
        self._frames[number] = decoded
        self._bytes += _size(decoded)
        while self._bytes > most:
            self._drop(next(iter(self._frames)))

    def take(self, number: int) -> Any:
        """Returns a frame and removes it; None = it is not here."""
        return self._drop(number)

    def clear(self) -> None:
        """Drops all frames."""
        self._frames.clear()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._frames)

    def _drop(self, number: int) -> Any:
        decoded = self._frames.pop(number, None)
        if decoded is not None:
            self._bytes -= _size(decoded)
        return decoded


def _size(decoded: Any) -> int:
    return sum(int(plane.buffer_size) for plane in decoded.planes)
