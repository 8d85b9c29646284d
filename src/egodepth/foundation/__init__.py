"""What every room stands on: errors, files, strangers' input, processes, progress, remote folders, loops in C."""
