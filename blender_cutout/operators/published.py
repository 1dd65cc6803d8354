"""Operators of published networks: download one, take a file for it, and make it the tier."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

import os
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from ..core.errors import InputError
from ..core.tiers.published import PUBLISHED, Published
from ..host.interface_language import shown
from ..scene import preference_values
from ..tasks import jobs, tier_choice
from ..tasks.engine_setup import redraw, setup
from .base import Reporting
from .engine import SetupOperator

_NETWORK = StringProperty(name="Network", description="Name of the published network", options={"HIDDEN"})
_FILE = StringProperty(name="File", description="Weight file of the network, already downloaded", subtype="FILE_PATH")


def find_published(name: str) -> Published:
    """Returns the network of that name. Raises InputError."""
    if name not in PUBLISHED:
        raise InputError("There is no such published network.", "Choose one below the tiers.")
    return PUBLISHED[name]


def _begin(network: Published, file: str) -> None:
    """Starts the process that gets the network."""
    from ..environment import published_install, venv
    from ..environment.installer import PUBLISHED as ACTION
    from ..environment.interpreters import blenders_python

    chosen = preference_values.current()
    python = venv.worker_python(chosen.engine_python or None)
    if jobs.queue.jobs:
        raise InputError("The engine is busy.", "Wait until it is done, or cancel first.")
    jobs.close()  # on Windows, libraries in use cannot be replaced
    request = published_install.Request(
        network,
        str(python),
        file,
        chosen.wheels,
        own=bool(chosen.engine_python or os.environ.get(venv.PYTHON_VARIABLE)),
        online=bpy.app.online_access,
    )
    setup.begin(ACTION, blenders_python(), request.fields())


class CUTOUT_OT_download_published(SetupOperator, bpy.types.Operator):
    """Download a published network."""

    bl_idname = "cutout.download_published"
    bl_label = "Download"
    bl_description = (
        "Download this network's weights from its authors' release, and install its package for the engine. A download "
        "that was interrupted continues"
    )

    network: _NETWORK

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks first: authors, licence, size and address."""
        if not bpy.app.online_access:
            return self.execute(context)  # says how to go online
        return set(context.window_manager.invoke_props_dialog(self, width=440))

    def draw(self, context: Any) -> None:
        """Draws the question."""
        network = PUBLISHED.get(self.network)
        if network is None:
            return
        column = self.layout.column(align=True)
        column.label(text=shown(f"Download {network.title}, {network.megabytes} MB?"))
        for text in (network.authors, network.paper, network.url):
            column.label(text=text)
        column.label(text=shown(f"Licence of network and weights: {network.licence}"))
        column.label(text=shown(f"The package {network.package} is installed for the engine."))

    def start(self, context: Any) -> None:
        """Starts the download."""
        from ..environment.installer import OFFLINE

        network = find_published(self.network)
        if not bpy.app.online_access:
            raise InputError(
                OFFLINE, "Turn on Allow Online Access (Preferences, System, Network), or press Choose File."
            )
        _begin(network, "")


class CUTOUT_OT_choose_published(SetupOperator, bpy.types.Operator):
    """Take a file as the weights of a published network."""

    bl_idname = "cutout.choose_published"
    bl_label = "Choose File"
    bl_description = "Use a weight file that you already downloaded; it is copied if it is the authors' own"

    network: _NETWORK
    filepath: _FILE

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Opens the file browser."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def start(self, context: Any) -> None:
        """Starts checking and copying the file."""
        network = find_published(self.network)
        path = Path(bpy.path.abspath(self.filepath))
        if not path.is_file():
            raise InputError(f"There is no file {path}.", f"Give the path of {network.file}.")
        _begin(network, str(path))


class CUTOUT_OT_use_published(Reporting, bpy.types.Operator):
    """Make a published network the tier."""

    bl_idname = "cutout.use_published"
    bl_label = "Use Published Network"
    bl_description = "Propagate with this network instead of our own; strokes stay as they are"

    network: _NETWORK

    def run(self, context: Any) -> set[str]:
        """Chooses the tier."""
        network = find_published(self.network)
        if not preference_values.enabled():
            raise InputError("The add-on is not enabled in Blender's preferences.", "Enable it there.")
        setup.look()
        if network.name not in setup.facts.published:
            raise InputError(
                f"The weights of {network.title} have not been downloaded yet.", "Press Download, or Choose File."
            )
        jobs.say("INFO", tier_choice.choose(network.name), tier_choice.KEPT)
        redraw()
        return {"FINISHED"}


CLASSES = (CUTOUT_OT_download_published, CUTOUT_OT_choose_published, CUTOUT_OT_use_published)
