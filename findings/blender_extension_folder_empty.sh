#!/usr/bin/env bash
# Blender answers "" instead of raising when the folder that it keeps for an extension cannot be made.
#
# Versions:  Blender as a module, bpy 4.2.23 (seen alike in 5.2.3); Linux on x86-64.
# Expected:  bpy.utils.extension_path_user(package, path=..., create=True) raises OSError when the folder cannot be made.
# Happens:   it prints a traceback and returns the empty string. To pathlib that is the current folder, which exists and
#            can usually be written: an add-on that joins a name to the answer writes its files wherever Blender was
#            started, and one that clears "its folder" clears there. With create=False the path comes back as ever.
set -eu
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3.11) || fail "Blender 4.2 as a module needs python3.11."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet bpy==4.2.23 numpy==1.26.4 ||
    fail "the packages cannot be installed."
cat >"$folder/try.py" <<'PYTHON'
"""Asks for an extension's folder, first where it can be made, then where a file stands in its way."""

import os
import shutil
import sys
from pathlib import Path

import bpy

PACKAGE = "bl_ext.user_default.example"
users = Path(os.environ["BLENDER_USER_RESOURCES"], "extensions", ".user")

print("Blender", bpy.app.version_string)
free = bpy.utils.extension_path_user(PACKAGE, path="logs", create=True)
if not os.path.isdir(free) or not Path(free).is_relative_to(users):
    sys.exit("CHANGED: the folder is not made where it can be.")
shutil.rmtree(users)
users.write_text("a file")
try:
    blocked = bpy.utils.extension_path_user(PACKAGE, path="logs", create=True)
except OSError as error:
    sys.exit(f"CHANGED: it raises {type(error).__name__}.")
asked = bpy.utils.extension_path_user(PACKAGE, path="logs", create=False)
print(f"in the way of the folder stands a file: {blocked!r} with create, {asked == free} that it is the same as before without")
if blocked != "" or asked != free:
    sys.exit("CHANGED: the answer is another.")
print(f"As a path that is {str(Path(blocked))!r}. As stated.")
PYTHON
export BLENDER_USER_RESOURCES="$folder/user"
status=0
"$folder/venv/bin/python" "$folder/try.py" >"$folder/log" 2>&1 || status=$?
grep -E "^(Blender|in the way|As a path|CHANGED)" "$folder/log" || tail -n 20 "$folder/log"
exit "$status"
