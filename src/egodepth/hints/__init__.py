"""Hints: depth that is known before any training, and what a training may learn from besides the photometric loss.

Everything here is inverse depth, 0 where there is none: of a plane sweep over a clip's own frames, of stereo matching,
of sparse points, of a teacher that somebody else trained.
"""
