from bpy_fixtures import blender, new_edge, project  # noqa: F401
