"""How good a corpus is: counted in its rows, drawn, and what to look at.

A room below both ``build``, which puts the plots into every card, and ``corpus``, which reports on
a corpus that stands.
"""

from chexinstruct.quality.jobs import Counted, CountJob, Run, in_turn
from chexinstruct.quality.measuring import measure
from chexinstruct.quality.report import TITLES, Concern, Quality

__all__ = ["TITLES", "Concern", "CountJob", "Counted", "Quality", "Run", "in_turn", "measure"]
