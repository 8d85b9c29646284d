"""Fused coloured point clouds: the depth of many frames, cleaned and gathered in one world."""
