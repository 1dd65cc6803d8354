"""What goes on in Blender between two clicks: jobs, automatic strokes, rendered frames, folders, upkeep."""
