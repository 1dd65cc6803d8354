"""Access to Blender's data: annotations, strips, rendered frames, folders."""
