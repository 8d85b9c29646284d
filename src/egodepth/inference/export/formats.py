"""Write the graph in each format."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.export import Dim, ExportedProgram

from egodepth.inference.export.graph import DepthGraph
from egodepth.weights import DepthModel
from egodepth.weights.exported.packages import optional_package, quiet
from egodepth.weights.exported.runtime import MODEL_FILES

PROGRAM_FILE = "model.pt2"
_OPSET = 18


def write_onnx(graph: DepthGraph, folder: Path) -> Path:
    """Write one ONNX file including weights and return its path.

    Raises:
        InputError: a package is missing.
    """
    for name in ("onnx", "onnxscript"):
        optional_package(name)
    path = folder / MODEL_FILES["onnx"]
    with quiet():
        program = torch.onnx.export(
            _traced(graph),
            dynamo=True,
            opset_version=_OPSET,
            input_names=["images"],
            output_names=["depth", "inverse_depth"],
            verbose=False,
        )
        assert program is not None
        program.save(str(path), external_data=False)
    return path


def write_openvino(graph: DepthGraph, folder: Path) -> Path:
    """Write OpenVINO's pair of files with float32 weights and return the path of model.xml.

    Raises:
        InputError: a package is missing.
    """
    openvino = optional_package("openvino")
    onnx = write_onnx(graph, folder)
    model = openvino.Core().read_model(onnx)
    path = folder / MODEL_FILES["openvino"]
    openvino.save_model(model, path, compress_to_fp16=False)
    del model  # it may still read its weights from the file
    onnx.unlink()
    return path


def write_torch(graph: DepthGraph, model: DepthModel, folder: Path) -> Path:
    """Write the graph as torch's exported program, and the weights as safetensors; return the path of the program.

    `torch.export.load` unpickles and evaluates its input, so a foreign program may execute anything. egodepth never
    opens one: its reader uses the safetensors.
    """
    path = folder / PROGRAM_FILE
    with quiet():
        torch.export.save(_traced(graph), path)
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, folder / MODEL_FILES["torch"])
    return path


def _traced(graph: DepthGraph) -> ExportedProgram:
    example = torch.zeros(2, graph.size[0] + 1, graph.size[1] + 1, 3, dtype=torch.uint8)
    dimensions = {0: Dim("batch", min=1), 1: Dim("height", min=2), 2: Dim("width", min=2)}
    with torch.no_grad():
        return torch.export.export(graph, (example,), dynamic_shapes=(dimensions,))
