"""Fused coloured point clouds: the depth of many frames, cleaned and combined in one world."""
