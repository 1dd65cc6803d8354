"""The engine as Blender's process sees it: the child process, its pipes, and the queue of jobs. Never imports bpy."""
