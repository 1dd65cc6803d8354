"""Opens a clip: a movie file or a folder of pictures."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import FrameReadError
from ..types import Clip
from .source import _SHOWN, Pictures, VideoSource, _notes_of, _pictures_of


def open_clip(clip: Clip | str | os.PathLike[str], strict: bool = False) -> VideoSource:
    """Opens a clip: a movie, a folder of pictures in natural name order, given pictures, or a single picture.

    Args:
        clip: the clip.
        strict: a damaged frame is an error; otherwise the good frame before it replaces it.

    Raises:
        FrameReadError: missing, empty, damaged, no pictures in the folder, or not a movie.
    """
    if not isinstance(clip, Clip):
        clip = Clip(os.fspath(clip))
    path = Path(clip.path)
    try:
        pictures = _pictures_of(path, clip.files)
    except (OSError, ValueError) as error:  # a name that is too long, a folder that cannot be read
        reason = error.strerror if isinstance(error, OSError) else "it contains a character that no file name can have"
        raise FrameReadError(
            f"The clip {str(path)[:_SHOWN]} cannot be opened ({reason}).", "Check the path, or choose the clip again."
        ) from error
    if pictures:
        source: VideoSource = Pictures(pictures, () if clip.files else _notes_of(path, pictures))
    else:
        from .movie import Movie  # PyAV takes long to load, and pictures do not need it

        source = Movie(path)
    source.strict = strict
    return source
