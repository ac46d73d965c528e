"""Which other studies lend their answers as wrong options, so that words alone tell nothing.

Wrong options that are drawn for one study at a time betray themselves: what can be called wrong of
many studies (rare findings, texts about something abnormal) is offered in vain more often than it
is right, and a model learns to choose by the option and not by the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from chexinstruct.draw import Draw

T = TypeVar("T")


def companions(
    mine: T, others: Sequence[T], fit: Callable[[T, T], bool], most: int, draw: Draw
) -> list[T]:
    """Those of the others whose answers stand beside mine, as options of one question.

    All are put in random order, and each joins the first group that has room and whose members it
    fits. Nothing in this knows whose question it is. So of the members of a group each is as likely
    the one that is asked about, whatever their answers are: their names tell nothing.

    Args:
        mine: of the study that is asked about.
        others: of studies drawn without regard to it.
        fit: whether the answer of each of two is certainly wrong for the other; the order of the
            two is of no account.
        most: members of a group at most, mine included.
        draw: chance for the order.
    """
    if not any(fit(mine, other) for other in others):
        return []  # whatever the groups, nothing would stand beside mine
    everyone = [mine, *others]
    groups: list[list[int]] = []
    for i in draw.shuffled(range(len(everyone))):
        for group in groups:
            if len(group) < most and all(fit(everyone[i], everyone[j]) for j in group):
                group.append(i)
                break
        else:
            group = [i]
            groups.append(group)
        if 0 in group and len(group) == most:
            break
    return [everyone[i] for i in next(g for g in groups if 0 in g) if i]
