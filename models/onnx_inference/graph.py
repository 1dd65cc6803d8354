"""One ONNX graph ready to run: opened with its weights, its errors and lack of memory reported as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..errors import WeightsDamaged, WeightsMissing
from ..registry import FOLDER, REINSTALL, find_entry, weight_path
from .files import RECALL, WEIGHTS_MARK, graph_name

Array = NDArray[np.float32]
_NO_MEMORY = ("failed to allocate memory", "bad_alloc", "bad allocation", "out of memory")


class Graph:
    """A graph on the processor, its outputs float32 arrays.

    Args:
        path: of the graph; its weights lie beside it.
        threads: that it may use; 0 = one per core.
        sha256: of the weight file that the graph was made for; "" = it has none.

    Raises:
        WeightsMissing: there is no such file.
        WeightsDamaged: it is not a graph that ONNX Runtime can run, or was made for other weights.
    """

    def __init__(self, path: Path, threads: int = 0, sha256: str = "") -> None:
        if not path.is_file():
            raise WeightsMissing(f"The network's graph {path} is missing.", REINSTALL)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        # Threads that wait busily take the processor from Blender, and from each other.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False  # its stock of memory grows with every crop size, and saves no time
        options.log_severity_level = 3
        try:
            with _memory_errors():
                self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except MemoryError:
            raise
        except Exception as error:  # the library's errors share no base class
            raise WeightsDamaged(f"ONNX Runtime cannot load {path}: {error}", REINSTALL) from error
        made_for = self._session.get_modelmeta().custom_metadata_map.get(WEIGHTS_MARK, "")
        if made_for != sha256:
            raise WeightsDamaged(f"The network's graph {path} was made for other weights.", REINSTALL)

    def __call__(self, **inputs: Array) -> list[Array]:
        """Returns the outputs for inputs by name.

        Raises:
            MemoryError: there is not enough memory.
        """
        with _memory_errors():
            answers: list[Array] = self._session.run(None, {k: np.ascontiguousarray(v) for k, v in inputs.items()})
        return answers


def open_graph(weights: str, part: str, threads: int = 0, folder: Path | None = None) -> Graph:
    """Returns a part of a network of the registry, after checking its weight file.

    Raises:
        WeightsMissing, WeightsDamaged: weights or graph are absent, or not those of the registry.
    """
    entry = find_entry(weights)
    place = weight_path(entry, folder).parent
    return Graph(place / graph_name(weights, part), threads, entry.sha256)


def open_recall(threads: int = 0, folder: Path | None = None) -> Graph:
    """Returns the graph that reads memory."""
    return Graph((folder or FOLDER) / RECALL, threads)


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Turns ONNX Runtime's ways of saying that memory ran out into a MemoryError."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime") and any(t in str(error).lower() for t in _NO_MEMORY):
            raise MemoryError("ONNX Runtime ran out of memory") from error
        raise
