"""The base of every room: errors, files, untrusted input, processes, progress, remote folders, loops in C."""
