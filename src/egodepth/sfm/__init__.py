"""Structure from motion: where the camera was at every frame of a recording, sparse points, and the camera itself.

`recording` is for those who need a map: frames in, `ClipMap` out. `features`, `matching`, `mapping` and `refining` are
the stages of the library (pycolmap), `reconstruct` puts them together, `assembling` makes arrays of what they return.
`choosing` takes the frames that tell most of a camera, `verdict` says what its answer is worth, `results` writes the
files, `clip_camera` goes all the way for a folder of frames.
"""
