"""The command line: arguments in, messages out. Every verb is one call of the Python API.

One module a group of verbs. What loads slowly is imported inside the verbs, so that ``--help``
starts at once.
"""

from chexinstruct.cli import (
    bench_export,
    bench_items,
    bench_runs,
    building,
    catalogue,
    corpora,
    exporting,
    inputs,
    publishing,
    viewing,
)
from chexinstruct.cli.app import app, main

__all__ = [
    "app",
    "bench_export",
    "bench_items",
    "bench_runs",
    "building",
    "catalogue",
    "corpora",
    "exporting",
    "inputs",
    "main",
    "publishing",
    "viewing",
]
