# SPDX-License-Identifier: ISC
"""Ports: other people's programs and libraries, built from the distribution's unmodified sources
(docs/ports.md).

    recipe.py   reads ports/NAME/recipe
    solver.py   apt, in a private root, selects versions and orders them
    source.py   fetches and unpacks the pinned tar of a version
    build.py    builds a port, once per content; toolchains that have ports
    lock.py     xenolith.lock: which versions a project has
    new.py      begins a recipe
    cli.py      `xenolith add` and `xenolith ports`
"""


class PortError(Exception):
    """The text is for the user."""
