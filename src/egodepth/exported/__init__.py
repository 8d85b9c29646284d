"""Exported models: the network with everything around it as one graph, written, read and run in other formats."""

from egodepth.exported.card import ExportCard, exported_folder, not_of_an_export
from egodepth.exported.graph import DepthGraph
from egodepth.exported.runtime import ExportedModel, load_exported

__all__ = ["DepthGraph", "ExportCard", "ExportedModel", "exported_folder", "load_exported", "not_of_an_export"]
