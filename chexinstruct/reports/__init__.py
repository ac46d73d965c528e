"""Free-text reports: sections, sentences, and the filters that keep a target to its pictures."""

from chexinstruct.reports.bimcv import clean_bimcv
from chexinstruct.reports.candid import section_candid
from chexinstruct.reports.chexpert import clean_chexpert_plus
from chexinstruct.reports.cues import LEAK_CLASSES, LeakClass
from chexinstruct.reports.leaks import (
    DEFAULT_LEAKS,
    POLICIES,
    Filtered,
    classes_of,
    filter_text,
    find_leaks,
    has_change_cue,
)
from chexinstruct.reports.mimic import Section, Sectioned, section_mimic
from chexinstruct.reports.mimic_iii import NotOneReport, section_mimic_iii, short_masks
from chexinstruct.reports.names import SECTIONS
from chexinstruct.reports.nle import nle_sentences
from chexinstruct.reports.openi import clean_openi
from chexinstruct.reports.organs import ORGANS, by_organ, clauses, organ_lines, structured
from chexinstruct.reports.sentences import sentences
from chexinstruct.reports.silence import is_silent_on

__all__ = [
    "DEFAULT_LEAKS",
    "LEAK_CLASSES",
    "ORGANS",
    "POLICIES",
    "SECTIONS",
    "Filtered",
    "LeakClass",
    "NotOneReport",
    "Section",
    "Sectioned",
    "by_organ",
    "classes_of",
    "clauses",
    "clean_bimcv",
    "clean_chexpert_plus",
    "clean_openi",
    "filter_text",
    "find_leaks",
    "has_change_cue",
    "is_silent_on",
    "nle_sentences",
    "organ_lines",
    "section_candid",
    "section_mimic",
    "section_mimic_iii",
    "sentences",
    "short_masks",
    "structured",
]
