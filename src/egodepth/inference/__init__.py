"""Run trained models: depth of images, streams and videos, ego-motion, exports."""
