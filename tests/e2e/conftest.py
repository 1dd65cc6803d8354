from bpy_fixtures import blender, project  # noqa: F401
