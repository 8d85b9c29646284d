"""Frames at training size: in memory, on disk, on the training device."""
