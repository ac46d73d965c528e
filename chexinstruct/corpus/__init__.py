"""What can be done with a built corpus: open, filter, count, show, verify and audit it."""

from chexinstruct.corpus.auditing import Audit, audit, render_audit
from chexinstruct.corpus.examples import PictureNote, Shown, render_example, show
from chexinstruct.corpus.files import Corpus, CorpusFile, ImageFile, open_corpus
from chexinstruct.corpus.filtering import filter_corpus
from chexinstruct.corpus.findings import Finding, Level
from chexinstruct.corpus.licensing import Standing, standings
from chexinstruct.corpus.statistics import render_stats, stats
from chexinstruct.corpus.verifying import verify
from chexinstruct.quality import Quality

__all__ = [
    "Audit",
    "Corpus",
    "CorpusFile",
    "Finding",
    "ImageFile",
    "Level",
    "PictureNote",
    "Quality",
    "Shown",
    "Standing",
    "audit",
    "filter_corpus",
    "open_corpus",
    "render_audit",
    "render_example",
    "render_stats",
    "show",
    "standings",
    "stats",
    "verify",
]
