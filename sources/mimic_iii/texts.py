"""Notes of the sample: invented, in the style of the release."""

from __future__ import annotations

from dataclasses import dataclass

PORTABLE = "CHEST (PORTABLE AP)"
TWO_VIEWS = "CHEST (PA & LAT)"
CT = "CT CHEST W/CONTRAST"


@dataclass(frozen=True)
class Note:
    """A row of the table; the sample puts head, title and indentation around the body."""

    subject: int
    date: str
    time: str
    description: str
    body: str
    reason: str = ""
    category: str = "Radiology"
    withdrawn: bool = False
    preliminary: bool = False


DUPLICATE = Note(103, "2161-07-02", "08:10", PORTABLE, "the text of the note above")

NOTES: tuple[Note, ...] = (
    # plain cases, two notes of one person out of order
    Note(
        101,
        "2150-03-11",
        "16:40",
        CT,
        """
CT CHEST WITH CONTRAST

INDICATION:  Follow-up of pulmonary embolism.

TECHNIQUE:  Helical images through the chest after intravenous contrast.

COMPARISON:  [**2150-3-4**].

FINDINGS:

Filling defects in the right lower lobe segmental pulmonary arteries have
become smaller since [**2150-3-4**]. No new filling defect is seen. A small
right pleural effusion has decreased. There is no pericardial effusion.

IMPRESSION:

Decreasing clot burden in the right lower lobe. Smaller right pleural effusion.
""",
        reason="Clot burden?",
    ),
    Note(
        101,
        "2150-03-04",
        "09:12",
        CT,
        """
INDICATION:  Dyspnea and chest pain.

TECHNIQUE:  Helical images through the chest after intravenous contrast.

COMPARISON:  None.

FINDINGS:

There are filling defects in the right lower lobe segmental pulmonary arteries.
The main pulmonary artery is not enlarged, and the interventricular septum is
not bowed. A wedge-shaped subpleural opacity lies in the right lower lobe. There
is a small right pleural effusion. No pericardial effusion is seen.

IMPRESSION:

1. Segmental pulmonary emboli in the right lower lobe without right heart strain.

2. Right lower lobe opacity, likely infarction, and small right pleural effusion.
""",
        reason="Pulmonary embolism?",
    ),
    # findings under the name of the examination, with headings inside
    Note(
        102,
        "2133-11-20",
        "11:05",
        "CT CHEST W/CONT+RECONSTRUCTION",
        """
CLINICAL HISTORY:  Weight loss in a long-term smoker.

CT OF THE CHEST WITH IV CONTRAST:  A spiculated mass of 3.2 cm lies in the left
upper lobe and touches the pleura. Left hilar lymph nodes measure up to 1.8 cm.
There is moderate centrilobular emphysema. No pleural effusion is present.

BONE WINDOWS:  A lytic lesion is seen in the left fourth rib.

IMPRESSION:  Left upper lobe mass with left hilar lymphadenopathy, highly
suspicious for lung cancer. Lytic lesion of the left fourth rib, suspicious for
metastasis.
""",
    ),
    # radiographs of one person
    Note(
        103,
        "2161-07-01",
        "05:30",
        PORTABLE,
        """
INDICATION:  Intubated, for tube position.

COMPARISON:  [**2161-6-30**].

PORTABLE AP CHEST:  The endotracheal tube ends 5 cm above the carina. A
right internal jugular catheter ends in the lower superior vena cava. There are
low lung volumes with bibasilar atelectasis. No pneumothorax is seen.

IMPRESION:  Tubes and lines in standard position. Bibasilar atelectasis.
""",
        reason="ETT position",
    ),
    Note(
        103,
        "2161-07-02",
        "08:10",
        PORTABLE,
        """
FINDINGS:  The endotracheal tube has been removed. Bibasilar atelectasis has
improved. A small left pleural effusion is unchanged. The heart is mildly
enlarged. There is no pneumothorax.

IMPRESSION:  Improved bibasilar atelectasis after extubation. Unchanged small
left pleural effusion.
""",
        reason="s/p extubation",
    ),
    DUPLICATE,
    Note(
        104,
        "2188-01-15",
        "",
        TWO_VIEWS,
        """
HISTORY:  Fever and productive cough.

IMPRESSION:  Right middle lobe pneumonia.

FINDINGS:  There is a focal opacity in the right middle lobe that obscures the
right heart border. The left lung is clear. Heart size is normal. There is no
pleural effusion.
""",
    ),
    # the page breaks in the middle of a sentence
    Note(
        105,
        "2145-09-30",
        "14:22",
        "CTA CHEST W&W/O C&RECONS, NON-CORONARY",
        """
INDICATION:  Back pain. Dissection?

TECHNIQUE:  Images before and after intravenous contrast, with reformations.

FINDINGS:

An intimal flap begins just beyond the left subclavian artery and extends through
the descending thoracic aorta. The ascending aorta measures 3.6 cm and is
not involved. The false lumen is partly
PAGE BREAK
thrombosed. There is a small left pleural effusion of simple fluid density. The
lungs show dependent atelectasis.

IMPRESSION:

Type B aortic dissection with partly thrombosed false lumen. The ascending aorta
is not involved. Small left pleural effusion.
""",
        reason="Aortic dissection?",
    ),
    Note(
        106,
        "2170-05-05",
        "23:50",
        "CHEST PORT. LINE PLACEMENT",
        """
FINDINGS:  A left subclavian catheter crosses the midline and ends in the right
subclavian vein. No pneumothorax is seen. The lungs are clear.

IMPRESSION:  Malpositioned left subclavian catheter. Findings were discussed with
Dr. [**Last Name (STitle) 12**] at 3:15 p.m. by telephone.
""",
    ),
    Note(
        106,
        "2170-05-06",
        "06:15",
        PORTABLE,
        """
FINDINGS:  The left subclavian catheter now ends in the mid superior vena cava.
There is no pneumothorax. The lungs remain clear.

IMPRESSION:  Catheter in good position since [**2170-5-6**], placed at [**Hospital 93**].
""",
    ),
    Note(
        107,
        "2120-02-29",
        "10:10",
        "CHEST (PRE-OP PA & LAT)",
        """
INDICATION:  Before coronary bypass surgery.

FINDINGS:  The heart is borderline in size. The aorta is tortuous and calcified.
The lungs are clear. No pleural effusion is present. There are degenerative
changes of the thoracic spine.

CONCLUSION:  Borderline cardiomegaly. No acute cardiopulmonary process.
""",
    ),
    # quotation marks, and a title that carries a mark
    Note(
        108,
        "2155-12-12",
        "17:17",
        "CT CHEST W&W/O C",
        """
FINDINGS:

LUNGS AND AIRWAYS:  A 7 mm solid nodule with a "tail" to the pleura lies in the
right lower lobe. There is mild bronchial wall thickening.

MEDIASTINUM:  No enlarged lymph node is seen.

CHEST WALL:  Unremarkable.

IMPRESSION:  Solitary 7 mm nodule of the right lower lobe. Follow-up CT in 6 to 12
months is recommended.
""",
    ),
    Note(
        109,
        "2199-08-08",
        "03:03",
        "P BABYGRAM (CHEST ONLY) PORT",
        """
HISTORY:  Premature newborn, intubated.

FINDINGS:  The lungs show diffuse fine granular opacities with air bronchograms.
The endotracheal tube ends at the level of the clavicles. An umbilical venous
catheter ends at the right hemidiaphragm. There is no pneumothorax.

IMPRESSION:  Moderate respiratory distress syndrome. Endotracheal tube in
satisfactory position.
""",
    ),
    Note(
        110,
        "2141-04-01",
        "20:20",
        "TRAUMA #3 (PORT CHEST ONLY)",
        """
INDICATION:  Fall from a ladder.

PORTABLE CHEST:  Fractures of the right fifth through seventh ribs are minimally
displaced. There is a small right apical pneumothorax. A band of opacity at the
right base is likely contusion or atelectasis. The mediastinum is not widened.

IMPRESSION:  Fractures of three right ribs with small right apical pneumothorax.
""",
    ),
    Note(
        111,
        "2138-10-10",
        "07:45",
        "CT CHEST AND ABDOMEN W/O CONTRAST",
        """
INDICATION:  Fever of unknown origin.

CT CHEST WITHOUT CONTRAST:  There are patchy ground-glass opacities in both upper
lobes. No pleural effusion is seen.

CT ABDOMEN WITHOUT CONTRAST:  The liver and spleen are of normal size. A stone of
4 mm lies in the lower pole of the left kidney.

IMPRESSION:
CHEST:  Patchy ground-glass opacities of both upper lobes, likely infectious.
ABDOMEN:  Left kidney stone without obstruction.
""",
    ),
    Note(
        112,
        "2166-06-16",
        "13:00",
        "CHEST (SINGLE VIEW) IN O.R.",
        """
FINDINGS:  No radiopaque foreign body is projected over the chest. Sternal wires
are intact. A mediastinal drain is in place.

IMPRESSION:  No retained surgical instrument or sponge.
""",
    ),
    # the same text in two persons is no copy
    Note(113, "2177-03-03", "09:00", TWO_VIEWS, "IMPRESSION:  No acute cardiopulmonary process."),
    Note(114, "2177-03-03", "09:00", TWO_VIEWS, "IMPRESSION:  No acute cardiopulmonary process."),
    Note(
        115,
        "2125-07-07",
        "22:10",
        PORTABLE,
        """
FINDINGS:  The heart is moderately enlarged. There is pulmonary vascular congestion
with interstitial edema and small bilateral pleural effusions. No consolidation is
seen.

IMPRESSION:  Congestive heart failure with mild interstitial edema and small
bilateral pleural effusions.
""",
        reason="SOB, please eval for CHF",
    ),
    Note(
        116,
        "2130-01-31",
        "04:40",
        "CHEST (LAT DECUB ONLY)",
        """
RIGHT LATERAL DECUBITUS CHEST:  The right pleural effusion is free flowing and layers
with a thickness of 2 cm. The left lung is clear.

IMPRESSION:  Free-flowing right pleural effusion of moderate size.
""",
    ),
    # rows that are set aside
    Note(
        117,
        "2151-02-02",
        "12:00",
        CT,
        """
FINDINGS:  A hiatal hernia of moderate size is present. The lungs are clear.

IMPRESSION:  Hiatal hernia.

CT OF THE HEAD

IMPRESSION:  No hemorrhage.
""",
    ),
    Note(
        117,
        "2151-02-03",
        "12:00",
        TWO_VIEWS,
        """
FINDINGS:  The lungs are hyperinflated.

FINDINGS:  There is no fracture of the left hand.

IMPRESSION:  Hyperinflation. No fracture of the hand.
""",
    ),
    Note(
        118,
        "2152-02-02",
        "12:00",
        PORTABLE,
        "FINDINGS:  Right basilar opacity.\n\nIMPRESSION:  Possible aspiration.",
        preliminary=True,
    ),
    Note(
        119,
        "2153-02-02",
        "12:00",
        CT,
        """
FINDINGS:  Multiple pulmonary nodules measure up to
(Over)
12 mm.

IMPRESSION:  Pulmonary metastases.
""",
    ),
    Note(
        120,
        "2154-02-02",
        "12:00",
        PORTABLE,
        """
A single view of the chest is compared with that of the day before.

The nasogastric tube has been advanced into the stomach.
""",
    ),
    Note(
        121,
        "2156-02-02",
        "12:00",
        PORTABLE,
        "FINDINGS:  Left pneumothorax.\n\nIMPRESSION:  Large left pneumothorax.",
        withdrawn=True,
    ),
    Note(
        122,
        "2157-02-02",
        "12:00",
        "CHEST U.S.",
        "FINDINGS:  Simple fluid in the left pleural space.\n\nIMPRESSION:  Left effusion.",
    ),
    Note(
        122,
        "2157-02-03",
        "12:00",
        "CT CHEST W/O CONTRAST",
        "FINDINGS:  Left pleural effusion.\n\nIMPRESSION:  Left effusion.",
    ),
    Note(
        123,
        "2158-02-02",
        "12:00",
        "MRI SOFT TISUUE NECK, W/O CONTRAST",
        "FINDINGS:  A thyroid nodule of 1 cm.\n\nIMPRESSION:  Thyroid nodule.",
    ),
    Note(
        123,
        "2158-02-03",
        "12:00",
        "CT SINUS/MAXLIOFACIAL W/O CONTRAST",
        "FINDINGS:  Mucosal thickening.\n\nIMPRESSION:  Chronic sinusitis.",
    ),
    Note(
        124,
        "2159-02-02",
        "",
        "Report",
        "Lungs with crackles at both bases.\n\nFINDINGS: none charted.",
        category="Nursing/other",
    ),
    Note(
        124,
        "2159-02-03",
        "12:00",
        "Physician Resident Progress Note",
        'Chest film read as "wet".\n\nIMPRESSION: heart failure.',
        category="Physician ",
    ),
    # a date that cannot be read; the note is good
    Note(
        125,
        "02/03/2160",
        "08:00",
        PORTABLE,
        """
FINDINGS:  A left pectoral dual lead pacemaker is in place, with leads in the right
atrium and right ventricle. There is no pneumothorax. Heart size is normal.

IMPRESSION:  Pacemaker leads in expected position without pneumothorax.
""",
    ),
)
