"""One's own recording, from the file to depth of every frame, trajectory, point cloud and report: `egodepth video`.

Frames are looked at twice: first each one's depth is predicted and compared with its neighbours' (`depth_pass`), then,
once it is known by how much the scale of single frames is off, everything is written (`output_pass`). Nothing but a few
frames is ever in memory, and what is known of each lies in a file of its own, so that it goes on where it was stopped.
"""
