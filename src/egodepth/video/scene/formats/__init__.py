"""The formats of a scene for other programs, one file each. Libraries are imported when a format is written."""
