"""One file a verb of the command line: its options, one call into the library, and what is printed of the result.

Nothing heavy is imported before a verb runs: `egodepth VERB --help` answers at once.
"""
