"""Free-text reports: sections, sentences, and the filters that keep a target to its pictures."""

from chexinstruct.reports.bimcv import clean_bimcv
from chexinstruct.reports.cues import LEAK_CLASSES, LeakClass
from chexinstruct.reports.leaks import (
    POLICIES,
    Filtered,
    filter_text,
    find_leaks,
    has_change_cue,
)
from chexinstruct.reports.mimic import Section, Sectioned, section_mimic
from chexinstruct.reports.names import SECTIONS
from chexinstruct.reports.openi import clean_openi
from chexinstruct.reports.sentences import sentences

__all__ = [
    "LEAK_CLASSES",
    "POLICIES",
    "SECTIONS",
    "Filtered",
    "LeakClass",
    "Section",
    "Sectioned",
    "clean_bimcv",
    "clean_openi",
    "filter_text",
    "find_leaks",
    "has_change_cue",
    "section_mimic",
    "sentences",
]
