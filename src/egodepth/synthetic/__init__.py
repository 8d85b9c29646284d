"""Synthetic drives: a procedural street with exact depth, poses, stereo partner and masks."""

from egodepth.data.readers.rendered import SyntheticDrive, open_synthetic
from egodepth.synthetic.render import RenderedFrame, render_frame, render_frames
from egodepth.synthetic.street import Street

__all__ = ["RenderedFrame", "Street", "SyntheticDrive", "open_synthetic", "render_frame", "render_frames"]
