"""The engine from Blender's side: the child process, its pipes, and the queue of jobs. Never imports bpy."""
