"""Background work in Blender: jobs, Auto Apply, rendered frames, folders, upkeep."""
