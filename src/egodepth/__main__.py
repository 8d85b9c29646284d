"""`python -m egodepth`: the same as the command `egodepth`."""

from egodepth.cli import main

main()
