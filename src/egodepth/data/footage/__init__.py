"""Any recording, a video file or a folder of frames: what it is worth for training, and its useful frames as a folder.

`source` reads it frame by frame, `motion` measures how the image moves and `rotation` whether it does so with parallax,
`cuts` finds what is no motion at all, `select` decides frame by frame what is kept, `summary` adds up and says it in
words, `extract` writes the folder.
"""
