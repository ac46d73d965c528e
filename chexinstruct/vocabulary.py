"""Canonical names of findings and projections, and the spellings that releases use for them.

Sources: the label lists of NIH ChestX-ray14 (Wang 2017), CheXpert (Irvin 2019) and the sets that
follow it (MIMIC-CXR-JPG, BRAX, MS-CXR), VinDr-CXR (Nguyen 2022) and PediCXR (Pham 2023), CXR-LT
2023 and 2024 (Holste 2024, Lin 2025), PadChest (Bustos 2020), the headings that index Open-i
(Demner-Fushman 2016) and single-finding sets. Names that speak of the study and not of the patient
(``unchanged``, ``suboptimal study``) are no findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from chexinstruct.errors import ChexinstructError
from chexinstruct.schema import View


class VocabularyError(ChexinstructError, LookupError):
    """A release uses a name that the vocabulary does not hold."""


@dataclass(frozen=True)
class Finding:
    """A finding as the corpus names it."""

    name: str
    """Fits "Is there evidence of ...?" and "No ... detected."."""
    spellings: tuple[str, ...] = ()
    """Other names in releases; case, underscores, hyphens and slashes play no part."""
    broader: tuple[str, ...] = ()
    """Findings that a radiologist would also call present wherever this one is."""
    near: frozenset[str] = frozenset()
    """Findings that overlap with this one in meaning, so that one cannot safely be called absent
    where the other is present. Not handed on to narrower or broader findings."""
    plural: bool = False
    """True where the name takes "are"."""
    vague: bool = False
    """True for names that mean "something else", or that their release does not define: no good as
    an option and never to be called absent."""


NO_FINDING = "no finding"
DEVICES = "support devices"


# Notes on what is one finding and what is two:
# - The broader findings of the CheXpert labels are those of its published label tree (lung opacity
#   over atelectasis, consolidation, edema and lung lesion; enlarged cardiomediastinum over
#   cardiomegaly), save that pneumonia stands under lung opacity: it need not consolidate.
# - NIH's and CXR-LT's "Fibrosis" is pulmonary fibrosis, as torchxrayvision also reads it.
# - "Nodule/Mass" of VinDr-CXR says either; nodule and mass of the others are told apart at 3 cm.
# - Emphysema is that of the lung; text-mined labels mix it up with subcutaneous emphysema.
# - Calcification names the deposit wherever it lies, so calcified things are narrower.
# An entry reads: name, "*" if plural, "!" if vague, "=" spellings, "<" broader, "~" near; lines set
# in go on with it.
_TABLE = """
no finding = normal, no findings
abnormality without pneumonia!

# Lung
lung opacity = airspace opacity, opacity ~ interstitial lung disease, increased density
consolidation < lung opacity ~ pneumonia, air bronchogram, infiltration
infiltration = infiltrate, infiltrates < lung opacity ~ pneumonia, lung opacity
edema = pulmonary edema, lung edema < lung opacity
pneumonia < lung opacity
atypical pneumonia < pneumonia ~ COVID-19, interstitial pattern
pneumonia other than COVID-19 = non-COVID-19 pneumonia < pneumonia
bronchopneumonia = brocho-pneumonia, broncho-pneumonia < pneumonia ~ bronchiolitis
pleuropneumonia = pleuro-pneumonia < pneumonia ~ pleural effusion
COVID-19 = covid ~ pneumonia
tuberculosis ~ tuberculosis sequelae
tuberculosis sequelae* ~ pulmonary fibrosis, granuloma
atelectasis = pulmonary atelectasis < lung opacity ~ volume loss
lobar atelectasis < atelectasis
segmental atelectasis < atelectasis
linear atelectasis = laminar atelectasis < atelectasis ~ fibrotic band
basal atelectasis = atelectasis basal < atelectasis ~ basal hypoexpansion
complete lung atelectasis = total atelectasis < atelectasis
rounded atelectasis = round atelectasis, round(ed) atelectasis < atelectasis
volume loss ~ hypoexpansion
hypoexpansion ~ atelectasis
basal hypoexpansion = hypoexpansion basal < hypoexpansion ~ atelectasis
alveolar pattern = airspace disease < lung opacity ~ pneumonia, consolidation, infiltration, edema
diffuse alveolar opacity = diffuse aveolar opacity < alveolar pattern ~ pneumonia, consolidation,
    infiltration, edema
ground-glass opacity = ground glass pattern < lung opacity ~ infiltration
increased density = density ~ consolidation, infiltration, alveolar pattern
air bronchogram ~ pneumonia, alveolar pattern
interstitial pattern < lung opacity ~ infiltration, edema, interstitial lung disease
reticular interstitial pattern < interstitial pattern ~ interstitial lung disease,
    pulmonary fibrosis
reticulonodular opacity = reticulonodular interstitial pattern < interstitial pattern
    ~ interstitial lung disease, miliary opacities
peribronchovascular interstitial opacity < interstitial pattern ~ bronchial thickening
increased bronchovascular markings* = bronchovascular markings ~ interstitial pattern
interstitial lung disease = ILD, interstitial lung disease - ILD,
    interstitial lung diseases ~ pulmonary fibrosis
pulmonary fibrosis = fibrosis, lung fibrosis ~ fibrotic band, interstitial pattern
fibrotic band
scar = cicatrix ~ lung opacity, fibrotic band, pulmonary fibrosis, linear atelectasis
asbestosis = asbestosis signs ~ interstitial lung disease, pulmonary fibrosis, pleural plaques
lymphangitic carcinomatosis = lymphangitis carcinomatosa ~ interstitial pattern
lung lesion < lung opacity ~ lung cyst, mass, granuloma, lung cavity, nodule
nodule or mass = nodule/mass ~ lung opacity, lung lesion, granuloma, lung tumor
nodule = pulmonary nodule, lung nodule < nodule or mass, lung lesion ~ mass, granuloma
multiple nodules* < nodule ~ lung metastasis
mass < nodule or mass
lung mass = pulmonary mass < mass, lung lesion ~ nodule
other nodule or mass! = other nodule/mass
lung tumor = lung tumour, lung cancer < lung lesion ~ nodule, lung mass, mass
lepidic adenocarcinoma < lung tumor ~ nodule, lung mass, consolidation, mass
lung metastasis < lung lesion ~ lung mass, lung tumor, nodule, mass, nodule or mass
pseudonodule ~ nodule, nipple shadow, nodule or mass, end-on vessel
nipple shadow
end-on vessel
granuloma
calcified granuloma < granuloma, calcification ~ nodule, lung lesion, nodule or mass
miliary opacities* < lung opacity ~ tuberculosis, nodule, multiple nodules
lung cavity = cavitation
abscess ~ lung lesion, air-fluid level, lung cavity
air-fluid level
lung cyst ~ cyst, bulla, lung cavity
cyst = cysts
bulla = bullas, bullae, blister ~ emphysema
emphysema = pulmonary emphysema ~ air trapping, subcutaneous emphysema, COPD, lung hyperinflation
bullous emphysema < emphysema ~ bulla
congenital emphysema < emphysema ~ lung hyperinflation
COPD = COPD signs, chronic obstructive pulmonary disease ~ air trapping, lung hyperinflation,
    flattened diaphragm
lung hyperinflation = hyperinflated lung ~ air trapping, flattened diaphragm
air trapping
lung vascular paucity ~ emphysema
bronchiectasis = bronchectasis ~ bronchial thickening
bronchial thickening ~ bronchitis, bronchiolitis
bronchitis ~ bronchiolitis
bronchiolitis
hyaline membrane disease ~ respiratory distress, ground-glass opacity
respiratory distress ~ lung opacity, edema
congenital pulmonary airway malformation = CPAM ~ lung cyst, lung lesion
azygos lobe
pulmonary infarction = infarction ~ lung opacity, pulmonary embolism, consolidation
pulmonary embolism
other opacity! < lung opacity

# Pleura and diaphragm
pleural effusion = effusion ~ costophrenic angle blunting
loculated pleural effusion < pleural effusion
loculated fissural effusion < loculated pleural effusion ~ fissure thickening
empyema < pleural effusion
hemothorax < pleural effusion
costophrenic angle blunting ~ pleural thickening
pneumothorax
hydropneumothorax < pneumothorax, pleural effusion ~ air-fluid level, pneumothorax
hemopneumothorax < pneumothorax, hemothorax ~ hydropneumothorax
pleural thickening < other pleural abnormality ~ pleural plaques
apical pleural thickening < pleural thickening
calcified pleural thickening < pleural thickening, calcification ~ pleural plaques
pleural plaques* < other pleural abnormality
calcified pleural plaques* < pleural plaques, calcification ~ pleural thickening
pleural mass < mass, other pleural abnormality
other pleural abnormality! = pleural other ~ pleural thickening
fissural abnormality! = fissure
fissure thickening ~ pleural thickening
minor fissure thickening < fissure thickening ~ pleural thickening
major fissure thickening < fissure thickening ~ pleural thickening
hemidiaphragm elevation
diaphragmatic eventration ~ hemidiaphragm elevation
flattened diaphragm
hernia
hiatal hernia < hernia
diaphragmatic hernia = diagphramatic hernia < hernia
intrathoracic digestive structure ~ diaphragmatic hernia, hiatal hernia, hernia
Chilaiditi sign
pneumoperitoneum = pneumoperitoneo
stomach on the right side ~ situs inversus

# Heart, vessels and mediastinum
cardiomegaly = enlarged heart < enlarged cardiomediastinum ~ cardiomyopathy, heart failure
cardiomyopathy
heart failure = heart insufficiency ~ edema
pericardial effusion ~ enlarged cardiomediastinum, cardiomegaly
boot-shaped heart
egg-on-a-string sign = egg on string sign
dextrocardia = dextro cardia ~ situs inversus
situs inversus
enlarged cardiomediastinum ~ tortuous aorta, aortic enlargement, aortic elongation, mediastinal mass
mediastinal enlargement < enlarged cardiomediastinum ~ aortic enlargement, mediastinal mass
superior mediastinal enlargement < mediastinal enlargement ~ goiter, mediastinal mass
mediastinal mass = mediastinal tumor < mass
anterior mediastinal mass < mediastinal mass ~ mediastinal enlargement
paravertebral mass = paraveterbral mass < mass ~ mediastinal mass
mediastinal lipomatosis = mediastinic lipomatosis ~ lipomatosis, mediastinal enlargement
mediastinal shift ~ tracheal shift
tracheal shift
azygoesophageal recess shift
pneumomediastinum
goiter
esophageal dilatation = esophagic dilatation
adenopathy = lymphadenopathy ~ mediastinal enlargement, hilar enlargement, mediastinal mass
calcified adenopathy < adenopathy, calcification
calcified mediastinal adenopathy < calcified adenopathy
aortic enlargement ~ tortuous aorta, aortic elongation
aortic knob enlargement = aortic button enlargement < aortic enlargement
aortic aneurysm < aortic enlargement ~ mediastinal enlargement
tortuous aorta ~ aortic elongation
aortic elongation ~ supra-aortic elongation
ascending aortic elongation = ascendent aortic elongation < aortic elongation ~ tortuous aorta
descending aortic elongation = descendent aortic elongation < aortic elongation ~ tortuous aorta
supra-aortic elongation
aortic atheromatosis ~ aortic calcification, calcification
atherosclerosis ~ aortic atheromatosis, aortic calcification, calcification
aortic calcification = calcification of the aorta < calcification
right-sided aortic arch
heart valve calcification = heart valve calcified < calcification
enlarged pulmonary artery = enlarged PA, pulmonary artery enlargement ~ hilar enlargement
pulmonary hypertension ~ pulmonary venous hypertension, enlarged pulmonary artery
pulmonary artery hypertension < pulmonary hypertension ~ enlarged pulmonary artery
pulmonary venous hypertension ~ edema, vascular redistribution, heart failure
vascular redistribution ~ edema, hilar congestion
central vascular redistribution < vascular redistribution ~ edema, hilar congestion
Kerley lines* ~ edema, interstitial pattern
hilar abnormality! = hilum
hilar enlargement ~ hilar congestion
vascular hilar enlargement < hilar enlargement ~ hilar congestion, enlarged pulmonary artery
hilar congestion ~ edema, heart failure
pulmonary congestion ~ edema, heart failure, hilar congestion, vascular redistribution

# Bone, soft tissue and chest wall
fracture = bone fractures ~ rib fracture, clavicle fracture
rib fracture = acute rib fracture < fracture
rib fracture with callus = callus rib fracture < rib fracture
clavicle fracture < fracture
humeral fracture < fracture
vertebral fracture < fracture ~ vertebral compression
vertebral compression ~ fracture
anterior vertebral compression = vertebral anterior compression < vertebral compression
    ~ vertebral fracture, fracture
vertebral degenerative changes*
peripheral joint degenerative changes* = non axial articular degenerative changes
axial hyperostosis ~ vertebral degenerative changes
kyphosis
scoliosis
osteopenia ~ osteoporosis
osteoporosis
sclerotic bone lesion ~ blastic bone lesion, bone metastasis
blastic bone lesion < sclerotic bone lesion ~ bone metastasis
lytic bone lesion ~ bone metastasis
bone metastasis
cervical rib
costochondral junction hypertrophy
sternoclavicular junction hypertrophy
subacromial space narrowing
thoracic cage deformity = thoracic cage deformation
pectus excavatum = pectum excavatum, funnel chest < thoracic cage deformity
pectus carinatum = pectum carinatum < thoracic cage deformity
expanded anterior rib edges* = expanded edges of the anterior ribs
subcutaneous emphysema
soft tissue mass < mass ~ chest wall mass
chest wall mass < mass
breast mass < mass ~ calcified fibroadenoma, soft tissue mass
calcified fibroadenoma < calcification
gynecomastia
lipomatosis
obesity

# Anywhere
calcification = calcinosis ~ granuloma
calcified densities* < calcification ~ granuloma
chronic changes!*
post-radiotherapy changes* ~ pulmonary fibrosis
other lesion!
other disease! = other diseases, other disease(s)

# Devices, surgery and foreign objects
support devices* = support device, medical device ~ foreign object, metallic material
chest tube = chest drain tube < support devices
endotracheal tube < support devices
nasogastric tube = NSG tube < support devices
tracheostomy tube < support devices
gastrostomy tube < support devices
nephrostomy tube < support devices
double J stent < support devices
ventriculoperitoneal shunt = ventriculoperitoneal drain tube < support devices
catheter = indwelling catheters < support devices
inserted tube < support devices
stent < support devices
implanted medical device < support devices
central venous catheter < catheter
jugular central venous catheter = central venous catheter via jugular vein < central venous catheter
subclavian central venous catheter = central venous catheter via subclavian vein
    < central venous catheter
umbilical venous catheter = central venous catheter via umbilical vein < central venous catheter
implanted venous port = reservoir central venous catheter < central venous catheter
implanted electrical device = electrical device < support devices
pacemaker < implanted electrical device ~ single-chamber device, dual-chamber device
single-chamber device < implanted electrical device
dual-chamber device < implanted electrical device
implantable cardioverter-defibrillator = dai < implanted electrical device ~ pacemaker
artificial heart valve ~ support devices
artificial mitral heart valve < artificial heart valve ~ support devices
artificial aortic heart valve < artificial heart valve ~ support devices
endoprosthesis ~ prosthesis, support devices
aortic endoprosthesis < endoprosthesis ~ support devices
prosthesis ~ support devices
humeral prosthesis < prosthesis ~ support devices
breast implant = mammary prosthesis < prosthesis ~ support devices
osteosynthesis material ~ metallic material, support devices
bone cement ~ support devices
suture material ~ metallic material, support devices
metallic material = metal ~ foreign object
sternotomy ~ heart surgery, suture material, support devices
previous surgery = surgery ~ sternotomy, suture material
breast surgery = surgery breast < previous surgery
mastectomy < breast surgery
lung surgery = surgery lung < previous surgery
heart surgery = surgery heart < previous surgery
neck surgery = surgery neck < previous surgery
humeral surgery = surgery humeral < previous surgery
foreign object = foreign body
internal foreign object = abnormal foreign body < foreign object
external foreign object = external foreign body < foreign object
"""


def _read(table: str) -> dict[str, Finding]:
    findings = {}
    for entry in re.sub(r"\n {4}", " ", re.sub(r"#.*", "", table)).split("\n"):
        name, *fields = re.split(r" ([=<~]) ", entry)
        lists = {s: tuple(x.split(", ")) for s, x in zip(fields[::2], fields[1::2], strict=True)}
        plain = name.rstrip("!*")
        if plain:
            findings[plain] = Finding(
                name=plain,
                spellings=lists.get("=", ()),
                broader=lists.get("<", ()),
                near=frozenset(lists.get("~", ())),
                plural="*" in name,
                vague="!" in name,
            )
    return {
        name: replace(
            finding,
            near=finding.near | {other.name for other in findings.values() if name in other.near},
        )
        for name, finding in findings.items()
    }


FINDINGS = _read(_TABLE)
"""All findings by canonical name; ``near`` holds both ways."""


def _key(name: str) -> str:
    return re.sub(r"[\s_/-]+", " ", name.casefold()).strip()


_BY_SPELLING = {
    _key(spelling): finding
    for finding in FINDINGS.values()
    for spelling in (finding.name, *finding.spellings)
}


@lru_cache(maxsize=4096)
def finding(name: str) -> Finding:
    """The finding that a release or a manifest calls so.

    Raises:
        VocabularyError: nothing is called so.
    """
    try:
        return _BY_SPELLING[_key(name)]
    except KeyError:
        raise VocabularyError(f"unknown finding {name[:60]!r}") from None


def canonical(name: str) -> str:
    """The canonical name of a finding, e.g. ``pleural effusion`` for ``Effusion``.

    Raises:
        VocabularyError: nothing is called so.
    """
    return finding(name).name


def implied_by(present: Iterable[str]) -> frozenset[str]:
    """All that holds where these findings (canonical) are present: they and what is broader.

    It keeps statements from contradicting one another; it is no licence to add labels.

    Raises:
        VocabularyError: a finding is unknown.
    """
    holds: set[str] = set()
    ahead = list(present)
    while ahead:
        name = ahead.pop()
        if name not in holds:
            holds.add(name)
            ahead += finding(name).broader
    return frozenset(holds)


def compatible_negative(name: str, present: Iterable[str]) -> bool:
    """Whether a finding may be called absent where others are present.

    False when it is among them or follows from them, when one of them overlaps with it in meaning,
    and for vague names. ``no finding`` is wrong, and so a fair distractor, only beside something
    other than devices: CheXpert's No Finding disregards them. Whether the finding was looked for
    and not seen is for the caller to know.

    Raises:
        VocabularyError: a finding is unknown.
    """
    return bool(compatible_negatives((name,), present))


def compatible_negatives(names: Iterable[str], present: Iterable[str]) -> tuple[str, ...]:
    """Those of the findings that may be called absent: see :func:`compatible_negative`."""
    beside = frozenset(present)
    ruled_out = _ruled_out(beside)

    def compatible(name: str) -> bool:
        if name == NO_FINDING:
            return _abnormal(beside)
        asked = finding(name)
        return not asked.vague and asked.name not in ruled_out

    return tuple(filter(compatible, names))


def _abnormal(present: frozenset[str]) -> bool:
    """Whether something other than devices is present."""
    return any(
        other.name != NO_FINDING
        and DEVICES not in implied_by([other.name])
        and DEVICES not in other.near
        for other in map(finding, present)
    )


@lru_cache(maxsize=4096)
def _ruled_out(present: frozenset[str]) -> frozenset[str]:
    """What cannot be called absent: all that is present, what follows from it, what overlaps."""
    found = [finding(name) for name in present]
    return implied_by(f.name for f in found).union(*(f.near for f in found))


FRONTAL: frozenset[View] = frozenset({"PA", "AP"})
LATERAL: frozenset[View] = frozenset({"LATERAL", "LL"})

_VIEWS: dict[View, str] = {
    "PA": "pa, postero anterior, posteroanterior, posterior anterior, frontal pa",
    "AP": "ap, antero posterior, anteroposterior, anterior posterior, ap horizontal, frontal ap",
    "LATERAL": "lateral, lat, l, rl, right lateral, large lateral, xtable lateral",
    "LL": "ll, left lateral",
    "OBLIQUE": "oblique, oblicua, lao, rao, lpo, rpo, llo, rlo, left anterior oblique, "
    "right anterior oblique, left posterior oblique, right posterior oblique",
    "DECUBITUS": "decubitus, lld, rld, ap lld, ap rld, pa lld, pa rld, lt decub, rt decub",
    "AP AXIAL": "ap axial",
}
_VIEW_BY_NAME = {name: view for view, names in _VIEWS.items() for name in names.split(", ")}
_NO_VIEW = frozenset({"", "nan", "none", "unk", "unknown", "frontal"})


@lru_cache(maxsize=4096)
def view(name: str | None) -> View | None:
    """The projection that a table, a header or a file name calls so.

    None where nothing is said, and for ``frontal``, which leaves open PA or AP. Any other name that
    is not known (rib views, swimmer's views) gives ``OTHER``.
    """
    key = _key(name or "")
    return None if key in _NO_VIEW else _VIEW_BY_NAME.get(key, "OTHER")


_RANK: tuple[View | None, ...] = (
    "PA",
    "AP",
    "LATERAL",
    "LL",
    "AP AXIAL",
    "DECUBITUS",
    "OBLIQUE",
    "OTHER",
    None,
)


def view_rank(view: View | None) -> int:
    """Place of a projection when the pictures of a study are put in order; lower comes first.

    The order that the original CheXinstruct has for MIMIC-CXR, unknown projections last.
    """
    return _RANK.index(view)
