"""Folders in object stores and on other machines, by fsspec: mirrored to local ones, as all else works on local files.

Memory maps, renames that replace a file at once and libraries that open files by name need a local disk. So a folder
with a URL is fetched into the cache, worked on there, and sent back where that is asked for.
"""

from egodepth.foundation.remote.address import is_remote, shown
from egodepth.foundation.remote.folder import RemoteFolder
from egodepth.foundation.remote.mirror import local_folder, local_store
from egodepth.foundation.remote.run import LocalRun, local_run

__all__ = ["LocalRun", "RemoteFolder", "is_remote", "local_folder", "local_run", "local_store", "shown"]
