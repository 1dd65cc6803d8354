"""Defines the settings of what jobs of the queue make besides masks, and the kinds of films."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.

from bpy.props import BoolProperty, EnumProperty, StringProperty

_TRANSPARENT = (
    ("PRORES", "ProRes 4444 (.mov)", "A movie for editing and compositing programs, with or without transparency"),
    ("FFV1", "FFV1 (.mkv)", "A lossless movie, with or without transparency"),
)
_SMALL = (
    (
        "H264",
        "MP4 (H.264, HEVC)",
        "A small movie for viewing, HEVC if the clip has more than 8 bits per channel; needs a background",
    ),
)
_PICTURES = (
    ("PNG", "PNG Pictures", "A folder of pictures with 8 bits, numbered by clip frame"),
    ("PNG16", "PNG Pictures, 16 Bits", "A 16-bit PNG sequence; keeps the precision of a 10- or 16-bit clip"),
    (
        "EXR",
        "EXR Pictures",
        "A folder of half-float pictures in linear light with premultiplied alpha, and one more channel per object",
    ),
    ("EXR_STRAIGHT", "EXR Pictures, Straight Alpha", "The same, with straight alpha"),
)
_MASKS = (
    (
        "CRYPTOMATTE",
        "EXR Pictures, Cryptomatte",
        "Half-float pictures with the objects' masks as a Cryptomatte, for compositors; Blender's own has a node",
    ),
)
FILMS = (*_TRANSPARENT, *_SMALL, *_PICTURES, *_MASKS)
"""Kinds of films, as items of an enum."""
EDGES = BoolProperty(
    name="Edges",
    description="Jobs also refine the edges as set in the Edge panel, and make what follows from them",
    default=False,
)
EXPORT = EnumProperty(
    name="Object",
    description="Jobs also write the object with transparency",
    items=(("NONE", "No Export", "Nothing is written"), *_TRANSPARENT, *_PICTURES),
    default="NONE",
)
COMPOSITE = EnumProperty(
    name="Composite",
    description="Jobs also write the object over a background",
    items=(("NONE", "No Composite", "Nothing is written"), *_SMALL, *_TRANSPARENT, *_PICTURES),
    default="NONE",
)
BEHIND = EnumProperty(
    name="Background",
    description="What lies behind the object in composites",
    items=(
        ("COLOUR", "Colour", "The background colour from the Output panel"),
        ("FILE", "File", "A picture or movie, scaled to cover the frame; a movie loops"),
    ),
)
BACKGROUND = StringProperty(
    name="Background File", description="Picture or movie behind the object", subtype="FILE_PATH"
)
FOLDER = StringProperty(
    name="Results", description="Folder for the results of jobs", default="//cutouts", subtype="DIR_PATH"
)
