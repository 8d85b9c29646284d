"""The live viewer in the browser: a scene, or a model with uploaded images and clips. It runs on viser."""
