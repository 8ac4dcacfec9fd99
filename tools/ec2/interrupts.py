# SPDX-License-Identifier: ISC
"""Signals that end a program, noted instead of obeyed: while an instance runs, each of them must
lead to its termination.

    with Interrupts() as stop:
        stop.check()        raises Interrupted if there was a signal
        stop.shield()       from now on check() does nothing: the instance is being terminated

A signal does not interrupt a call of AWS, since its reply may name an instance that was launched.
"""

import os
import signal

ENDING = [getattr(signal, n) for n in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1",
                                       "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGPOLL",
                                       "SIGPWR", "SIGXCPU")]


class Interrupted(BaseException):
    """By a signal, whose name is the text."""


class Interrupts:
    def __init__(self):
        self.name, self.shielded = None, False

    def __enter__(self):
        # SIGHUP stays ignored if it was: nohup.
        self.before = {s: signal.signal(s, self.note) for s in ENDING
                       if s != signal.SIGHUP or signal.getsignal(s) != signal.SIG_IGN}
        return self

    def __exit__(self, *exc):
        for s, handler in self.before.items():
            signal.signal(s, handler)

    def note(self, number, frame):
        text = ("ec2: the instance is being terminated; please wait\n" if self.shielded else
                "ec2: interrupted; waiting for AWS's reply\n")
        self.name = self.name or signal.Signals(number).name
        try:
            os.write(2, text.encode())      # print() could be interrupted by itself
        except OSError:
            pass

    def check(self):
        if self.name and not self.shielded:
            raise Interrupted(self.name)

    def shield(self):
        self.shielded = True
