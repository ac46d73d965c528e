"""Names of findings as they stand in a sentence."""

from __future__ import annotations

import re
from functools import lru_cache

from chexinstruct.vocabulary import finding

# What one can count takes an article: a nodule, an endotracheal tube, but edema, atelectasis. So do
# words for one change of one part (a tortuous aorta). Where usage varies (pleural effusion,
# fracture) the article is right; names in the plural and vague ones have none.
_COUNTED = re.compile(
    r"(?:^| )(?:nodule|mass|tumor|lesion|granuloma|cavity|abscess|cyst|bulla|pseudonodule|shadow"
    r"|scar|vessel|band|level|bronchogram|opacity|pattern|malformation|lobe|rib|metastasis"
    r"|fibroadenoma|effusion|pneumothorax|hydropneumothorax|hemothorax|hemopneumothorax|empyema|hernia|structure"
    r"|sign|goiter|aneurysm|arch|deformity|fracture|callus|tube|stent|shunt|catheter|device|port"
    r"|pacemaker|cardioverter-defibrillator|valve|prosthesis|endoprosthesis|implant|object)$"
    r"|^(?:flattened diaphragm|boot-shaped heart|enlarged cardiomediastinum|tortuous aorta"
    r"|enlarged pulmonary artery)$"
)


@lru_cache(maxsize=4096)
def with_article(name: str) -> str:
    """The canonical finding with its indefinite article, where it takes one.

    It reads well after "evidence of", "shows" and "have": ``a nodule``, ``an endotracheal tube``,
    ``edema``, ``support devices``.

    Raises:
        VocabularyError: the finding is unknown.
    """
    known = finding(name)
    if known.plural or known.vague or not _COUNTED.search(known.name):
        return known.name
    return f"{'an' if known.name[0].lower() in 'aeiou' else 'a'} {known.name}"


def named(name: str) -> dict[str, str]:
    """The slots of a finding: ``finding``, its name alone, and ``a_finding``, with its article."""
    return {"finding": name, "a_finding": with_article(name)}
