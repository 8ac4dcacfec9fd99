# SPDX-License-Identifier: ISC
"""`xenolith new`, `build`, `run` and `test` in the folder of a project (docs/sdk.md).

    config.py   xenolith.toml
    make.py     compiles and links
    cli.py      the commands
"""
