"""From strokes to a mask: scribble maps, the refined crop, and where it is stitched in."""
