"""Structure from motion: poses of a recording's frames, sparse points, and the camera itself.

`drive_map` computes the map of a recording: frames in, `ClipMap` out. `features`, `matching`, `mapping` and `refining`
are stages of the library (pycolmap), `reconstruct` combines them, `assembling` converts their results to arrays.
`choosing` selects the frames that determine the camera best, `verdict` rates the estimate, `camera_results` writes the
files, and `clip_camera` runs all of it for a folder of frames.
"""
