from __future__ import annotations

from collections import Counter

import pytest

from chexinstruct.schema import View
from chexinstruct.vocabulary import (
    FINDINGS,
    FRONTAL,
    LATERAL,
    NO_FINDING,
    VocabularyError,
    canonical,
    compatible_negative,
    finding,
    implied_by,
    view,
    view_rank,
)

NIH = """Atelectasis|Cardiomegaly|Consolidation|Edema|Effusion|Emphysema|Fibrosis|Hernia
Infiltration|Mass|No Finding|Nodule|Pleural_Thickening|Pneumonia|Pneumothorax"""
CHEXPERT = """Atelectasis|Cardiomegaly|Consolidation|Edema|Enlarged Cardiomediastinum|Fracture
Lung Lesion|Lung Opacity|No Finding|Pleural Effusion|Pleural Other|Pneumonia|Pneumothorax
Support Devices"""
MS_CXR = """Atelectasis|Cardiomegaly|Consolidation|Edema|Lung Opacity|Pleural Effusion|Pneumonia
Pneumothorax"""
VINDR = """Aortic enlargement|Atelectasis|Calcification|Cardiomegaly|Clavicle fracture|Consolidation
Edema|Emphysema|Enlarged PA|ILD|Infiltration|Lung Opacity|Lung cavity|Lung cyst|Mediastinal shift
Nodule/Mass|Other lesion|Pleural effusion|Pleural thickening|Pneumothorax|Pulmonary fibrosis
Rib fracture|COPD|Lung tumor|Pneumonia|Tuberculosis|Other diseases|No finding"""
CXR_LT = """Atelectasis|Calcification of the Aorta|Cardiomegaly|Consolidation|Edema|Emphysema
Enlarged Cardiomediastinum|Fibrosis|Fracture|Hernia|Infiltration|Lung Lesion|Lung Opacity|Mass
Normal|Nodule|Pleural Effusion|Pleural Other|Pleural Thickening|Pneumomediastinum|Pneumonia
Pneumoperitoneum|Pneumothorax|Subcutaneous Emphysema|Support Devices|Tortuous Aorta|Adenopathy
Azygos Lobe|Clavicle Fracture|Fissure|Granuloma|Hydropneumothorax|Infarction|Kyphosis
Lobar Atelectasis|Pulmonary Embolism|Pulmonary Hypertension|Rib Fracture|Round(ed) Atelectasis
Tuberculosis|Bulla|Cardiomyopathy|Hilum|Osteopenia|Scoliosis"""
PEDICXR = """Anterior mediastinal mass|Aortic enlargement|Atelectasis|Boot-shaped heart
Bronchectasis|Bronchial thickening|Calcification|Cardiomegaly|Chest wall mass
Clavicle fracture|Consolidation|Dextro cardia|Diffuse aveolar opacity|Edema
Egg on string sign|Emphysema|Enlarged PA|Expanded edges of the anterior ribs|Infiltration
Interstitial lung disease - ILD
Intrathoracic digestive structure|Lung cavity|Lung cyst|Lung hyperinflation|Mediastinal shift
Other lesion|Other nodule/mass|Other opacity|Paraveterbral mass
Peribronchovascular interstitial opacity|Pleural effusion|Pleural thickening|Pneumothorax
Pulmonary fibrosis|Reticulonodular opacity|Stomach on the right side|No finding"""
PEDICXR_DISEASES = """Bronchitis|Brocho-pneumonia|Other disease|Bronchiolitis|Situs inversus
Pneumonia|Pleuro-pneumonia|Diagphramatic hernia|Tuberculosis|Congenital emphysema|CPAM
Hyaline membrane disease|Mediastinal tumor|Lung tumor|No finding"""
PADCHEST = """normal|COPD signs|cardiomegaly|aortic elongation|chronic changes|scoliosis|pneumonia
pleural effusion|interstitial pattern|infiltrates|laminar atelectasis|NSG tube|kyphosis|pacemaker
vertebral degenerative changes|costophrenic angle blunting|air trapping|alveolar pattern|nodule
vascular hilar enlargement|fibrotic band|apical pleural thickening|calcified granuloma|atelectasis
central venous catheter via jugular vein|callus rib fracture|sternotomy|volume loss|bronchiectasis
aortic atheromatosis|consolidation|increased density|heart insufficiency|hemidiaphragm elevation
endotracheal tube|hiatal hernia|pseudonodule|suture material|vertebral anterior compression|metal
tracheostomy tube|central venous catheter via subclavian vein|supra aortic elongation|emphysema
hilar enlargement|pulmonary edema|bronchovascular markings|dual chamber device|hypoexpansion
nipple shadow|descendent aortic elongation|pulmonary fibrosis|calcified densities|goiter
diaphragmatic eventration|hilar congestion|tuberculosis sequelae|pleural thickening|mastectomy
pulmonary mass|flattened diaphragm|lobar atelectasis|rib fracture|tracheal shift|granuloma
superior mediastinal enlargement|artificial heart valve|reticular interstitial pattern|osteopenia
osteosynthesis material|hyperinflated lung|single chamber device|gynecomastia|bullas|cavitation
calcified adenopathy|calcified pleural thickening|chest drain tube|sclerotic bone lesion|adenopathy
mammary prosthesis|reservoir central venous catheter|pneumothorax|minor fissure thickening
aortic button enlargement|azygos lobe|vascular redistribution|surgery breast|vertebral compression
surgery neck|artificial mitral heart valve|central venous catheter|mediastinic lipomatosis
axial hyperostosis|vertebral fracture|multiple nodules|lung metastasis|pectum excavatum|surgery lung
mediastinal enlargement|post radiotherapy changes|clavicle fracture|mediastinal mass|osteoporosis
artificial aortic heart valve|tuberculosis|humeral fracture|loculated pleural effusion|dai|surgery
reticulonodular interstitial pattern|non axial articular degenerative changes|ground glass pattern
pulmonary artery enlargement|thoracic cage deformation|fissure thickening|calcified pleural plaques
atypical pneumonia|end on vessel|central vascular redistribution|subcutaneous emphysema|catheter
ascendent aortic elongation|miliary opacities|air bronchogram|air fluid level|bone metastasis
lung vascular paucity|pulmonary hypertension|segmental atelectasis|heart valve calcified
central venous catheter via umbilical vein|costochondral junction hypertrophy|soft tissue mass
loculated fissural effusion|humeral prosthesis|cervical rib|hypoexpansion basal|kerley lines
lytic bone lesion|pericardial effusion|asbestosis signs|pneumoperitoneo|abnormal foreign body
calcified fibroadenoma|blastic bone lesion|pectum carinatum|azygoesophageal recess shift|mass
mediastinal shift|major fissure thickening|respiratory distress|lymphangitis carcinomatosa|obesity
aortic aneurysm|hydropneumothorax|external foreign body|subacromial space narrowing
pulmonary artery hypertension|aortic endoprosthesis|electrical device|atelectasis basal|prosthesis
ventriculoperitoneal drain tube|endoprosthesis|total atelectasis|pneumomediastinum|pleural plaques
right sided aortic arch|Chilaiditi sign|surgery heart|dextrocardia|surgery humeral|fracture|abscess
lepidic adenocarcinoma|double J stent|bone cement|pulmonary venous hypertension|cyst
gastrostomy tube|calcified mediastinal adenopathy|sternoclavicular junction hypertrophy
round atelectasis|empyema|pleural mass|esophagic dilatation|nephrostomy tube
breast mass|lipomatosis"""
LISTS = {
    "nih": NIH,
    "chexpert": CHEXPERT,
    "ms_cxr": MS_CXR,
    "vindr": VINDR,
    "cxr_lt": CXR_LT,
    "pedicxr": PEDICXR,
    "pedicxr_diseases": PEDICXR_DISEASES,
    "padchest": PADCHEST,
}


def names(text: str) -> list[str]:
    return text.replace("\n", "|").split("|")


@pytest.mark.parametrize("source", LISTS)
def test_every_label_of_a_release_is_a_finding_of_its_own(source: str) -> None:
    found = Counter(canonical(name) for name in names(LISTS[source]))
    assert [name for name, times in found.items() if times > 1] == []


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Effusion", "pleural effusion"),
        ("Pleural_Thickening", "pleural thickening"),
        ("PLEURAL EFFUSION ", "pleural effusion"),
        ("Infiltrate", "infiltration"),
        ("Nodule/Mass", "nodule or mass"),
        ("Enlarged PA", "enlarged pulmonary artery"),
        ("ILD", "interstitial lung disease"),
        ("Fibrosis", "pulmonary fibrosis"),
        ("Airspace Opacity", "lung opacity"),
        ("Rounded Atelectasis", "rounded atelectasis"),
        ("Round(ed) Atelectasis", "rounded atelectasis"),
        ("Other disease", "other disease"),
        ("Calcification of the Aorta", "aortic calcification"),
        ("No Finding", NO_FINDING),
        ("Normal", NO_FINDING),
        ("COVID 19", "COVID-19"),
        ("Brocho-pneumonia", "bronchopneumonia"),
        ("dai", "implantable cardioverter-defibrillator"),
    ],
)
def test_spellings(spelling: str, name: str) -> None:
    assert canonical(spelling) == name


@pytest.mark.parametrize("name", ["", "exclude", "unchanged", "Suboptimal study", "Pneumonai"])
def test_what_is_no_finding_is_told(name: str) -> None:
    with pytest.raises(VocabularyError, match="unknown finding") as told:
        canonical(name)
    assert isinstance(told.value, LookupError)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("enlarged cardiomediastinum", "cardiomegaly"),
        ("emphysema", "subcutaneous emphysema"),
        ("mass", "nodule"),
        ("infiltration", "consolidation"),
        ("tortuous aorta", "aortic enlargement"),
    ],
)
def test_look_alikes_stay_apart(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_no_spelling_belongs_to_two_findings_or_is_listed_twice() -> None:
    owners = Counter(
        " ".join(spelling.casefold().replace("-", " ").replace("/", " ").split())
        for f in FINDINGS.values()
        for spelling in (f.name, *f.spellings)
    )
    assert [spelling for spelling, times in owners.items() if times > 1] == []
    for f in FINDINGS.values():
        assert all(finding(spelling) is f for spelling in (f.name, *f.spellings))


def test_relations_name_findings_and_run_in_no_circle() -> None:
    for f in FINDINGS.values():
        assert set(f.broader) | f.near <= FINDINGS.keys()
        assert f.name not in implied_by(f.broader)
        assert f.name not in f.near
        assert all(f.name in FINDINGS[other].near for other in f.near)


ACRONYMS = {"COPD", "COVID-19", "Kerley", "Chilaiditi", "J"}


def test_names_read_well_in_a_sentence() -> None:
    for name in FINDINGS:
        assert all(word in ACRONYMS or word == word.lower() for word in name.split())
        assert not set(name) & set("/_(),")


def test_agreement() -> None:
    assert finding("Support Devices").plural
    assert not finding("Pleural Effusion").plural
    for f in FINDINGS.values():  # plural by its ending, unless the word only looks so
        last = f.name.split()[-1]
        looks = last.endswith("s") and not last.endswith(("is", "us", "ss"))
        assert f.plural == (looks or last == "sequelae"), f.name


def test_what_follows_from_a_finding() -> None:
    assert implied_by(["lobar atelectasis"]) == {"lobar atelectasis", "atelectasis", "lung opacity"}
    assert implied_by(["hydropneumothorax"]) >= {"pneumothorax", "pleural effusion"}
    assert "consolidation" not in implied_by(["pneumonia"])
    assert implied_by([]) == frozenset()


@pytest.mark.parametrize(
    ("absent", "present"),
    [
        ("consolidation", "consolidation"),
        ("lung opacity", "consolidation"),
        ("lung opacity", "nodule"),
        ("fracture", "rib fracture"),
        ("rib fracture", "fracture"),  # most fractures of the chest are of ribs
        ("enlarged cardiomediastinum", "cardiomegaly"),
        ("support devices", "pacemaker"),
        ("infiltration", "pneumonia"),
        ("pneumonia", "infiltration"),
        ("consolidation", "pneumonia"),
        ("pneumonia", "COVID-19"),
        ("COPD", "emphysema"),
        ("emphysema", "subcutaneous emphysema"),
        ("nodule or mass", "mass"),
        ("tortuous aorta", "aortic elongation"),
        ("infiltration", "lung opacity"),
        ("nodule", "lung lesion"),
        ("clavicle fracture", "fracture"),
        ("pleural thickening", "other pleural abnormality"),
        ("hydropneumothorax", "pneumothorax"),
        ("other lesion", "edema"),
        (NO_FINDING, "support devices"),
        (NO_FINDING, "pacemaker"),
        (NO_FINDING, NO_FINDING),
    ],
)
def test_findings_that_may_not_be_denied(absent: str, present: str) -> None:
    assert not compatible_negative(
        absent, {present, "scoliosis"} if absent != NO_FINDING else {present}
    )


@pytest.mark.parametrize(
    ("absent", "present"),
    [
        ("pneumothorax", {"pleural effusion"}),
        ("consolidation", {"lung opacity"}),
        ("cardiomegaly", {"enlarged cardiomediastinum"}),
        ("lobar atelectasis", {"atelectasis"}),
        ("edema", {NO_FINDING}),
        ("edema", set[str]()),
        (NO_FINDING, {"edema", "support devices"}),
    ],
)
def test_findings_that_may_be_denied(absent: str, present: set[str]) -> None:
    assert compatible_negative(absent, present)


def test_each_label_of_the_big_sets_may_be_denied_beside_some_other() -> None:
    for text in (NIH, CHEXPERT, VINDR):
        labels = {canonical(name) for name in names(text)} - {NO_FINDING}
        for label in labels:
            others = labels - {label}
            usable = [other for other in others if compatible_negative(label, {other})]
            assert finding(label).vague == (not usable)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PA", "PA"),
        ("postero-anterior", "PA"),
        ("POSTEROANTERIOR", "PA"),
        ("Frontal/AP", "AP"),
        ("AP_horizontal", "AP"),
        ("antero-posterior", "AP"),
        ("LATERAL", "LATERAL"),
        ("L", "LATERAL"),
        ("RL", "LATERAL"),
        ("XTABLE LATERAL", "LATERAL"),
        ("LL", "LL"),
        ("AP AXIAL", "AP AXIAL"),
        ("AP LLD", "DECUBITUS"),
        ("PA RLD", "DECUBITUS"),
        ("LT-DECUB", "DECUBITUS"),
        ("LAO", "OBLIQUE"),
        ("RLO", "OBLIQUE"),
        ("OBLICUA", "OBLIQUE"),
        ("SWIMMERS", "OTHER"),
        ("COSTAL", "OTHER"),
        ("L5 S1", "OTHER"),
        ("Frontal", None),
        ("", None),
        ("nan", None),
        ("UNK", None),
        (None, None),
    ],
)
def test_views(name: str | None, expected: View | None) -> None:
    assert view(name) == expected


def test_views_are_ranked_as_in_mimic() -> None:
    ranked = sorted(
        ["", "SWIMMERS", "LPO", "AP RLD", "AP AXIAL", "LL", "LATERAL", "AP", "PA"],
        key=lambda name: view_rank(view(name)),
    )
    assert ranked == ["PA", "AP", "LATERAL", "LL", "AP AXIAL", "AP RLD", "LPO", "SWIMMERS", ""]
    assert not FRONTAL & LATERAL
