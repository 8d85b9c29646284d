"""Folders in object stores and on other machines, by fsspec: they are mirrored to local folders.

All other code works on local files, because memory maps, atomic renames, and libraries that open files by name need a
local disk. A folder with a URL is fetched to the cache, used there, and sent back if its user writes to it.
"""

from egodepth.foundation.remote.address import is_remote, shown
from egodepth.foundation.remote.folder import RemoteFolder
from egodepth.foundation.remote.mirror import local_folder, local_store
from egodepth.foundation.remote.run import LocalRun, local_run

__all__ = ["LocalRun", "RemoteFolder", "is_remote", "local_folder", "local_run", "local_store", "shown"]
