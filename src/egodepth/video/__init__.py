"""Process a recording from the file to depth of every frame, trajectory, point cloud and report: `egodepth video`.

Frames are read twice. The first pass predicts each frame's depth and compares it with its neighbours
(`estimate_depth`). The second pass writes all outputs, once the scale errors of single frames are known
(`write_outputs`). Only a few frames are in memory at a time. The results of each frame are stored in a file, so a
stopped command can continue.
"""
