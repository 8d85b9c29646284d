"""Exported models: the network with everything around it as one graph, written, read and run in other formats."""
