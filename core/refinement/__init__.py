"""From strokes to a mask: scribble maps, the refined crop, and stitching it in."""
