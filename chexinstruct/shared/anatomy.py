"""Canonical names of the places where a finding may be, and how they lie within one another.

Source: the 104 places that PadChest marks in its reports (Bustos 2020). How they lie within one
another is our own reading, of the chest radiograph and not of the cadaver: a place is broader than
another only where everything in the narrower one is in it too. So the upper lobes do not lie in the
upper zones (the left one reaches the heart's apex), the hilum belongs to neither lung nor
mediastinum, and a stomach that herniates leaves the abdomen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from chexinstruct.errors import ChexinstructError


class AnatomyError(ChexinstructError, LookupError):
    """A release uses a name of a place that is not known."""


@dataclass(frozen=True)
class Place:
    """A place as the corpus names it."""

    name: str
    """Fits "in the ..." (``right lower lobe``) or, for sides, "on the ..."."""
    spellings: tuple[str, ...] = ()
    """Other names in releases; case, a leading ``loc`` and white space play no part."""
    broader: tuple[str, ...] = ()
    """Places that hold all of this one."""
    vague: bool = False
    """True for words that point at no place by themselves."""


# An entry reads: name, "!" if vague, "=" spellings, "<" broader; lines set in go on with it.
# PadChest finds its places by words. Two of them seldom mean a place: "central" mostly comes from
# "central venous catheter", "lobar" from azygos lobes and lobulated diaphragms.
_TABLE = """
# Sides
right side = right
left side = left
both sides = bilateral
both sides diffusely = diffuse bilateral < both sides
hemithorax
central!

# Lung
lung = lung field
right lung < lung, right side
left lung < lung, left side
lung lobe! = lobar < lung
upper lobe < lung
right upper lobe < upper lobe, right lung
left upper lobe < upper lobe, left lung
lingula < left upper lobe
middle lobe = right middle lobe < right lung
lower lobe < lung
right lower lobe < lower lobe, right lung
left lower lobe < lower lobe, left lung
upper lung zone = upper lung field < lung
lung apex = apical < upper lung zone
middle lung zone = middle lung field < lung
lower lung zone = lower lung field < lung
lung base = basal < lower lung zone
both lung bases = basal bilateral < lung base, both sides
lung subsegment = subsegmental < lung
perihilar region = perihilar < lung
suprahilar region = suprahilar
infrahilar region = infrahilar
peribronchial tissue = peribronchi < lung
subpleural region = subpleural < lung
extrapulmonary region = extrapulmonary

# Airways and hila
airways
trachea = tracheal < airways
bronchi < airways
paratracheal region = paratracheal
hilum = hilar
both hila = hilar bilateral < hilum, both sides

# Pleura and diaphragm
pleura = pleural
extrapleural space = extrapleural
lung fissure = fissure < pleura
minor fissure < lung fissure, right side
major fissure < lung fissure
costophrenic angle < pleura
right costophrenic angle < costophrenic angle, right side
left costophrenic angle < costophrenic angle, left side
both costophrenic angles = bilateral costophrenic angle < costophrenic angle, both sides
cardiophrenic angle
diaphragm
region above the diaphragm = supradiaphragm
region below the diaphragm = infradiaphragm

# Heart, vessels and mediastinum
mediastinum
superior mediastinum < mediastinum
inferior mediastinum = lower mediastinum < mediastinum
anterior mediastinum < mediastinum
middle mediastinum < mediastinum
posterior mediastinum < mediastinum
paramediastinal region = paramediastinum
thymus < anterior mediastinum
heart = cardiac < middle mediastinum
coronary arteries = coronary < heart
paracardiac region = paracardiac
retrocardiac region = retrocardiac
aorta = aortic
aortic knob = aortic button < aorta, superior mediastinum
region above the aortic arch = supra aortic
aortopulmonary window < middle mediastinum
pulmonary artery
superior vena cava = superior cave vein < mediastinum
brachiocephalic veins < superior mediastinum
subclavian vein
carotid artery
esophagus = esophageal

# Chest wall, bones and neck
soft tissues = soft tissue
subcutaneous tissue = subcutaneous < soft tissues
pectoral region = pectoral
nipple < pectoral region
axilla = axilar
neck = cervical
skeleton = bone
rib < skeleton
anterior rib < rib
posterior rib < rib
costal cartilage = rib cartilage
sternocostal joint = costoesternal < skeleton
clavicle < skeleton
scapula < skeleton
shoulder
acromioclavicular joint < shoulder, skeleton
glenohumeral joint < shoulder, skeleton
rotator cuff < shoulder, soft tissues
supraspinatus tendon = supraspisnous < rotator cuff
humerus < skeleton
humeral head < humerus, shoulder
humeral neck < humerus, shoulder
spine = column < skeleton
cervical spine = cervical vertebrae < spine
thoracic spine = dorsal vertebrae < spine
lumbar spine = lumbar vertebrae < spine
intervertebral space = intersomatic space < spine
paravertebral region = paravertebral

# Abdomen
abdomen
epigastrium = epigastric < abdomen
hypochondrium < abdomen
right hypochondrium < hypochondrium, right side
left hypochondrium < hypochondrium, left side
gallbladder < abdomen
stomach = gastric chamber
"""


def _read(table: str) -> dict[str, Place]:
    places = {}
    for entry in re.sub(r"\n {4}", " ", re.sub(r"#.*", "", table)).split("\n"):
        name, *fields = re.split(r" ([=<]) ", entry)
        lists = {s: tuple(x.split(", ")) for s, x in zip(fields[::2], fields[1::2], strict=True)}
        if plain := name.rstrip("!"):
            places[plain] = Place(
                name=plain,
                spellings=lists.get("=", ()),
                broader=lists.get("<", ()),
                vague="!" in name,
            )
    return places


PLACES = _read(_TABLE)
"""All places by canonical name."""


def _key(name: str) -> str:
    return " ".join(name.casefold().split()).removeprefix("loc ")


_BY_SPELLING = {
    _key(spelling): place
    for place in PLACES.values()
    for spelling in (place.name, *place.spellings)
}


@lru_cache(maxsize=4096)
def place(name: str) -> Place:
    """The place that a release calls so, e.g. ``lung apex`` for ``loc apical``.

    Raises:
        AnatomyError: nothing is called so.
    """
    try:
        return _BY_SPELLING[_key(name)]
    except KeyError:
        raise AnatomyError(f"unknown place {name[:60]!r}") from None


def around(name: str) -> frozenset[str]:
    """The place (canonical) and all places that hold it.

    Raises:
        AnatomyError: the place is unknown.
    """
    holding: set[str] = set()
    ahead = [name]
    while ahead:
        one = place(ahead.pop())
        if one.name not in holding:
            holding.add(one.name)
            ahead += one.broader
    return frozenset(holding)
