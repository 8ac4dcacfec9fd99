# SPDX-License-Identifier: ISC
"""The folders of the tree: ROOT, and BUILD, below which all that is made lies.

The Makefile's BUILD= is in the environment as XENOLITH_BUILD; BUILD is for programs that are
started by hand.  Tools that are installed without the sources use a folder of the user's cache.
Importing this also keeps Python's compiled files below BUILD.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (ROOT / "Makefile").exists()
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xenolith"
BUILD = Path(os.environ.get("XENOLITH_BUILD") or os.environ.get("BUILD")
             or (ROOT / "build" if SOURCES else CACHE)).absolute()

sys.pycache_prefix = str(BUILD / "pycache")
