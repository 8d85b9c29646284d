"""Read ROS 1 bags, ROS 2 bags and MCAP files without ROS: their topics, images and cameras.

Message definitions in a file are never used: rosbags would turn them into code. The definitions of the few types that
are read come with rosbags.
"""
