"""A corpus in the form that a trainer reads: files, pictures, and boxes in the model's own numbers.

A row becomes a sample (:mod:`chexinstruct.export.samples`): pictures, turns, and texts taken apart
into words and exact boxes. A format (:mod:`chexinstruct.export.formats`) makes a record of it, and
a sink writes that.
"""

from chexinstruct.export.account import Export, ExportedFile
from chexinstruct.export.exporting import export_corpus
from chexinstruct.export.formats import FORMATS, Format

__all__ = ["FORMATS", "Export", "ExportedFile", "Format", "export_corpus"]
