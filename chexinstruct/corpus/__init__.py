"""What can be done with a built corpus: open, filter, count, show and verify it."""

from chexinstruct.corpus.examples import PictureNote, Shown, render_example, show
from chexinstruct.corpus.files import Corpus, CorpusFile, ImageFile, open_corpus
from chexinstruct.corpus.filtering import filter_corpus
from chexinstruct.corpus.findings import Finding, Level
from chexinstruct.corpus.statistics import Stats, render_stats, stats
from chexinstruct.corpus.verifying import verify

__all__ = [
    "Corpus",
    "CorpusFile",
    "Finding",
    "ImageFile",
    "Level",
    "PictureNote",
    "Shown",
    "Stats",
    "filter_corpus",
    "open_corpus",
    "render_example",
    "render_stats",
    "show",
    "stats",
    "verify",
]
