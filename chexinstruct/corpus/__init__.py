"""What can be done with a built corpus: open, filter, count, show, verify and audit it."""

from chexinstruct.corpus.auditing import Audit, audit, render_audit
from chexinstruct.corpus.comparing import Difference, diff, render_difference
from chexinstruct.corpus.examples import PictureNote, Shown, render_example, show
from chexinstruct.corpus.files import Corpus, CorpusFile, ImageFile, open_corpus
from chexinstruct.corpus.filtering import filter_corpus
from chexinstruct.corpus.findings import Finding, Level
from chexinstruct.corpus.licensing import Standing, standings
from chexinstruct.corpus.mixing import mix_corpora
from chexinstruct.corpus.mixplan import MixPlan, make_plan, read_plan
from chexinstruct.corpus.statistics import render_stats, stats
from chexinstruct.corpus.verifying import verify
from chexinstruct.quality import Quality

__all__ = [
    "Audit",
    "Corpus",
    "CorpusFile",
    "Difference",
    "Finding",
    "ImageFile",
    "Level",
    "MixPlan",
    "PictureNote",
    "Quality",
    "Shown",
    "Standing",
    "audit",
    "diff",
    "filter_corpus",
    "make_plan",
    "mix_corpora",
    "open_corpus",
    "read_plan",
    "render_audit",
    "render_difference",
    "render_example",
    "render_stats",
    "show",
    "standings",
    "stats",
    "verify",
]
