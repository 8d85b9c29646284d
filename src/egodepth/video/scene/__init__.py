"""A scene: what `egodepth video` wrote for a clip, as one object; and its files for other programs."""
