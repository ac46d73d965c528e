"""The items of a bench as tasks of other people's evaluation harnesses."""

from chexinstruct.bench.harness.account import HarnessExport
from chexinstruct.bench.harness.contract import Harness, Row
from chexinstruct.bench.harness.exporting import HARNESSES, export_bench

__all__ = ["HARNESSES", "Harness", "HarnessExport", "Row", "export_bench"]
