#!/usr/bin/env bash
# Blender's message bus takes plain functions only: no bound methods, no partials.
#
# Versions:  Blender as a module, bpy 4.2.23 (seen alike in 5.2.3); Linux on x86-64.
# Expected:  `bpy.msgbus.subscribe_rna(notify=...)` takes whatever `bpy.app.timers.register` takes, whose own documentation
#            shows a `functools.partial`: both only call it later.
# Happens:   a timer takes a function, a bound method, a partial and any object that can be called. The message bus takes
#            the function alone and raises TypeError for the others ("notify expects a function, found method"). State
#            has to come through `args`.
set -eu -o pipefail
fail() { echo "Could not try it: $1" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=$(command -v python3.11) || fail "Blender 4.2 as a module needs python3.11."
"$python" -m venv "$folder/venv" || fail "no virtual environment can be made."
"$folder/venv/bin/python" -m pip install --quiet --quiet bpy==4.2.23 numpy==1.26.4 || fail "the packages cannot be installed."
cat >"$folder/subscribe.py" <<'PYTHON'
"""Offers four callables to the message bus and to the timers."""

import functools
import sys

import bpy


class Panel:
    def update(self):
        return None

    __call__ = update


def update():
    return None


def answer(register):
    try:
        register()
    except TypeError as error:
        return str(error)
    return "taken"


bpy.ops.wm.read_factory_settings(use_empty=True)
panel = Panel()
owner = object()
key = (bpy.types.Scene, "frame_current")
found = {}
offered = {"function": update, "method": panel.update, "partial": functools.partial(update), "object": panel}
for name, each in offered.items():
    timer = answer(lambda: bpy.app.timers.register(each, first_interval=100))
    bus = answer(lambda: bpy.msgbus.subscribe_rna(key=key, owner=owner, args=(), notify=each))
    bpy.msgbus.clear_by_owner(owner)
    if timer == "taken":
        bpy.app.timers.unregister(each)
    found[name] = timer, bus
    print(f"{name}: timer: {timer}; message bus: {bus}")
print("Blender", bpy.app.version_string)
if any(timer != "taken" for timer, _ in found.values()):
    sys.exit("CHANGED: timers no longer take all of these.")
if found["function"][1] != "taken":
    sys.exit("CHANGED: the message bus refuses a function.")
if any("expects a function" not in bus for name, (_, bus) in found.items() if name != "function"):
    sys.exit("CHANGED: the message bus takes more than functions, or says something else.")
PYTHON
export BLENDER_USER_RESOURCES="$folder/user"
"$folder/venv/bin/python" "$folder/subscribe.py"
echo "As described: only plain functions may be subscribed."
