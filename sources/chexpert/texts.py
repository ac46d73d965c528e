"""Reports of the sample: invented, in the style of the release.

``{date}``, ``{prior}`` and ``{name}`` become other words on every row of a study, as the release
hides dates and names behind invented ones, row by row.
"""

from __future__ import annotations

Sections = dict[str, str]
"""Text by the name of its column, ``section_`` left out; line breaks as in the table."""

TITLE = "\nRADIOGRAPHIC EXAMINATION OF THE CHEST: {date} 09:30\n\n"
SIGNED = """
I have personally reviewed the images for this examination and agree with
the report transcribed above.
"""
NOTICE = """
123456789
This report has been anonymized. All dates are offset by a fixed interval.
"""
CODE = "\n4-POSSIBLE SIGNIFICANT FINDING, MAY NEED ACTION\n"

REPORTS: dict[tuple[int, int], Sections] = {
    # code and attestation in the impression
    (90001, 1): {
        "narrative": TITLE,
        "clinical_history": " 68-year-old female with cough\nand fever.\n\n",
        "comparison": " None.\n\n",
        "procedure_comments": " Two views of the chest.\n\n",
        "findings": """

Patchy opacity at the right base may be atelectasis. No pneumothorax
or pleural effusion is seen. The heart size is normal.

""",
        "impression": f"""

1. Right basilar opacity, possibly atelectasis.

2. No pleural effusion.

{CODE}{SIGNED}""",
        "end_of_impression": SIGNED,
        "summary": CODE,
        "accession_number": NOTICE,
    },
    # a first study that speaks of change: its prior is not in the release
    (90002, 1): {
        "narrative": TITLE,
        "clinical_history": " Heart failure, shortness of breath.\n",
        "comparison": " Outside radiograph of {prior}.\n",
        "findings": """
The heart is enlarged. Pulmonary edema has increased since {prior}. There is
a small left pleural effusion.
""",
        "impression": "\n1. Increased pulmonary edema with a small left pleural effusion.\n",
        "end_of_impression": SIGNED,
    },
    (90002, 2): {
        "narrative": TITLE,
        "clinical_history": " Intubated.\n",
        "comparison": " {prior}.\n",
        "findings": """
An endotracheal tube has been placed, its tip 4 cm above the carina.
Pulmonary edema has worsened. The heart may be mildly enlarged. No
pneumothorax.
""",
        "impression": """
1. New endotracheal tube in good position.
2. Worsening pulmonary edema.
END OF IMPRESSION:
""",
        "summary": CODE,
    },
    (90002, 3): {
        "narrative": TITLE,
        "clinical_history": " After diuresis.\n",
        "comparison": " {prior} at 3:45 PM.\n",
        "findings": """
The endotracheal tube has been removed. The edema was worse on {prior} at
3:45 PM. Pulmonary edema has improved. The small left pleural effusion is
unchanged. Findings were discussed with Dr. {name}.
""",
        "impression": "\n1. Improved pulmonary edema. Unchanged small left pleural effusion.\n",
    },
    # numbered 9 and 10: as text they would stand the other way round
    (90003, 9): {
        "narrative": TITLE,
        "clinical_history": " Chest tube placement.\n",
        "findings": """
A right chest tube is in place. There is a small right apical pneumothorax.
The lungs are otherwise clear.
""",
        "impression": "\n1. Small right apical pneumothorax with a chest tube in place.\n",
    },
    (90003, 10): {
        "narrative": TITLE,
        "clinical_history": " Pneumothorax.\n",
        "comparison": " {prior}.\n",
        "findings": """
The right apical pneumothorax has decreased. The right chest tube is
unchanged in position. There is new mild right basilar atelectasis.
""",
        "impression": """
1. Decreased right apical pneumothorax.
2. New right basilar atelectasis.
""",
    },
    # a history and no clinical history
    (90004, 1): {
        "narrative": TITLE,
        "history": " Preoperative evaluation.\n",
        "findings": """
The lungs are clear. There is no pleural effusion. The thoracic aorta is
tortuous.
""",
        "impression": "\n1. No acute cardiopulmonary disease.\n",
    },
    # an impression and nothing else
    (90005, 1): {"impression": "\n1. Small right pleural effusion.\n"},
    (90006, 1): {
        "narrative": TITLE,
        "clinical_history": " Trauma.\n",
        "impression": "\n1. Acute left rib fractures without pneumothorax.\n",
    },
    (90007, 1): {
        "narrative": TITLE,
        "clinical_history": " Cancer staging.\n",
        "findings": """
A 2 cm nodule projects over the left upper lobe. The heart and mediastinum
are normal. No pleural effusion is present.
""",
        "impression": "\n1. Left upper lobe nodule. CT of the chest is recommended.\n",
    },
    # two headers of impressions
    (90008, 1): {
        "narrative": TITLE,
        "impression": """
IMPRESSION:
1. Degenerative changes of the thoracic spine.
IMPRESSION:
1. Normal abdomen.
""",
    },
    (90009, 1): {
        "narrative": TITLE,
        "clinical_history": " Central line placement.\n",
        "findings": """
A left subclavian central venous catheter ends in the superior vena cava.
The lungs are clear. There is no pneumothorax.
""",
        "impression": "\n1. Central venous catheter in standard position. No pneumothorax.\n",
    },
    # older reports are all in capitals, with numbers
    (90011, 1): {
        "narrative": "\nCHEST, TWO VIEWS: {date}\n",
        "clinical_history": " FALL.\n",
        "findings": """
1. THERE IS A FRACTURE OF THE RIGHT CLAVICLE.
2. A 3-CM OPACITY IN THE RIGHT LUNG, ABNORMAL. NO PLEURAL EFFUSION.
""",
        "impression": """
1. RIGHT CLAVICLE FRACTURE.
2. RIGHT LUNG OPACITY.
2-ABNORMALITY, PREVIOUSLY REPORTED
I HAVE PERSONALLY REVIEWED THE IMAGES.
""",
    },
    # the narrative holds the findings
    (90013, 1): {
        "narrative": """
PORTABLE CHEST {date} AT 0630 HOURS:
The heart is enlarged. There is moderate pulmonary edema. No pneumothorax is
seen.
""",
        "clinical_history": " Shortness of breath.\n",
        "impression": "\n1. Cardiomegaly and moderate pulmonary edema.\n",
    },
    (95001, 1): {
        "narrative": TITLE,
        "clinical_history": " Pneumonia?\n",
        "findings": """
There is consolidation in the left lower lobe with a small left pleural
effusion. The right lung is clear.
""",
        "impression": "\n1. Left lower lobe consolidation, consistent with pneumonia.\n",
    },
    (95002, 1): {
        "narrative": TITLE,
        "clinical_history": " Status post sternotomy.\n",
        "findings": """
Sternal wires are intact. The cardiac silhouette is enlarged. There is left
basilar atelectasis. No pneumothorax.
""",
        "impression": "\n1. Left basilar atelectasis and cardiomegaly.\n",
    },
    (95003, 1): {
        "narrative": TITLE,
        "clinical_history": " Chest pain.\n",
        "findings": """
The lungs are clear. The heart size is normal. No pleural effusion or
pneumothorax is seen.
""",
        "impression": "\n1. No acute cardiopulmonary disease.\n",
    },
}
