"""The verbs of the command line, one file each: options, one call into the library, and the printed result.

Nothing heavy is imported before a verb runs, so `egodepth VERB --help` answers at once.
"""
