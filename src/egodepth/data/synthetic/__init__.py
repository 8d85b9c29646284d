"""The synthetic drive: a procedural street with exact depth, poses, stereo partner and masks."""

from egodepth.data.synthetic.reader import SyntheticDrive, open_synthetic
from egodepth.data.synthetic.render import RenderedFrame, render_frame, render_frames
from egodepth.data.synthetic.street import Street

__all__ = ["RenderedFrame", "Street", "SyntheticDrive", "open_synthetic", "render_frame", "render_frames"]
