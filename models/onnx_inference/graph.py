"""One ONNX graph ready to run: opened with its weights, its errors and lack of memory reported as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
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
        rare: it runs now and then: give back the memory it worked in after each run.

    Raises:
        WeightsMissing: there is no such file.
        WeightsDamaged: it is not a graph that ONNX Runtime can run, or was made for other weights.
    """

    def __init__(self, path: Path, threads: int = 0, sha256: str = "", rare: bool = False) -> None:
        if not path.is_file():
            raise WeightsMissing(f"The network's graph {path} is missing.", REINSTALL)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        # Threads that wait busily take the processor from Blender, and from each other.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_mem_pattern = False  # one block for each crop size: large, and kept
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
        _share_memory()
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
        self._how = onnxruntime.RunOptions()
        if rare:
            self._how.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def __call__(self, **inputs: Array) -> list[Array]:
        """Returns the outputs for inputs by name.

        Raises:
            MemoryError: there is not enough memory.
        """
        with _memory_errors():
            given = {k: np.ascontiguousarray(v) for k, v in inputs.items()}
            answers: list[Array] = self._session.run(None, given, self._how)
        return answers


@lru_cache(maxsize=1)
def _share_memory() -> None:
    """Lets all graphs of this process work in the same memory, apart from everything else.

    Mixed with pictures and mattes, or with a stock for each graph, the process grows by a third.
    """
    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    as_requested = 1
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg(0, as_requested, -1, -1))


def open_graph(weights: str, part: str, threads: int = 0, folder: Path | None = None, rare: bool = False) -> Graph:
    """Returns a part of a network of the registry, after checking its weight file; `rare` as for `Graph`.

    Raises:
        WeightsMissing, WeightsDamaged: weights or graph are absent, or not those of the registry.
    """
    entry = find_entry(weights)
    place = weight_path(entry, folder).parent
    return Graph(place / graph_name(weights, part), threads, entry.sha256, rare)


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
