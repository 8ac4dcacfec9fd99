# SPDX-License-Identifier: ISC
"""While the modules of a command are loaded, Ctrl-C just ends it: there is no traceback.

Import this before the large modules, and call done() before the command begins.
"""

import signal

BEFORE = signal.getsignal(signal.SIGINT)
if BEFORE is signal.default_int_handler:        # not where it is ignored
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def done():
    signal.signal(signal.SIGINT, BEFORE)
