"""Any recording, a video, a folder of frames or a ROS bag: measure its value for training, extract its useful frames.

`source` reads it frame by frame. `motion` measures the image motion, and `rotation` the parallax in it. `cuts` detects
frame pairs without real motion. `select` decides which frames to keep. `summary` computes totals and a verdict in
words. `extract` writes the folder.
"""
