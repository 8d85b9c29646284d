"""The camera of a clip that nobody calibrated, by structure from motion.

`choosing` takes the frames that tell most, `reconstruct` is the one module that knows the library (pycolmap),
`verdict` says what its answer is worth, `results` writes the files, `camera_command` is the verb.
"""
