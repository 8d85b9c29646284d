"""Image and video files as frames."""
