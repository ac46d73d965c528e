"""The rules by which studies become candidates; a part of ``chexbench.yaml`` names its rule."""

from collections.abc import Mapping

from chexinstruct.chexbench.candidates import Rule
from chexinstruct.chexbench.rules.fine_grained import fine_grained
from chexinstruct.chexbench.rules.identification import binary, multiple, single
from chexinstruct.chexbench.rules.places import grounding
from chexinstruct.chexbench.rules.questions import rad_restruct, slake
from chexinstruct.chexbench.rules.texts import findings, summary
from chexinstruct.chexbench.rules.views import temporal, view

RULES: Mapping[str, tuple[Rule, int]] = {
    "binary": (binary, 1),
    "findings": (findings, 1),
    "fine_grained": (fine_grained, 1),
    "grounding": (grounding, 1),
    "multiple": (multiple, 1),
    "rad_restruct": (rad_restruct, 1),
    "single": (single, 1),
    "slake": (slake, 1),
    "summary": (summary, 1),
    "temporal": (temporal, 1),
    "view": (view, 1),
}
"""By name: the rule, and its version, which rises whenever it gives other candidates."""

__all__ = ["RULES"]
