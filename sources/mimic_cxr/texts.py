"""Reports of the sample: invented, in the style of the release."""

from __future__ import annotations

REPORTS: dict[int, str] = {
    50000001: """
EXAMINATION:  CHEST (PORTABLE AP)

INDICATION:  Worsening shortness of breath, status post line placement.

TECHNIQUE:  Single portable AP view of the chest.

COMPARISON:  Chest radiograph from ___ at 8:05.

FINDINGS:

A right internal jugular catheter has been placed, with its tip in the upper
right atrium. The heart is again enlarged. There is new moderate pulmonary
edema. There are new small bilateral pleural effusions with adjacent
bibasilar atelectasis. There is no pneumothorax.

IMPRESSION:

1. New moderate pulmonary edema with small bilateral pleural effusions.

2. Right internal jugular catheter with its tip in the upper right atrium. No
pneumothorax.
""",
    50000004: """
EXAMINATION:  CHEST (PA AND LAT)

INDICATION:  ___-year-old woman with dyspnea on exertion. Heart failure?

TECHNIQUE:  Chest PA and lateral.

COMPARISON:  None.

FINDINGS:

The heart is mildly enlarged. The mediastinal and hilar contours are normal.
There is mild pulmonary vascular congestion without overt pulmonary edema. No
focal consolidation, pleural effusion or pneumothorax is seen. Mild
degenerative changes are present in the thoracic spine.

IMPRESSION:

Mild cardiomegaly and pulmonary vascular congestion. No overt pulmonary
edema.
""",
    50000009: """
EXAMINATION:  CHEST (PORTABLE AP)

INDICATION:  Heart failure after diuresis. Interval change?

TECHNIQUE:  Single portable AP view of the chest.

COMPARISON:  Chest radiograph ___.

FINDINGS:

The right internal jugular catheter has been removed. Pulmonary edema has
improved and is now mild. The small left pleural effusion is unchanged; the
right pleural effusion is no longer seen. Left basilar atelectasis persists.
The heart is moderately enlarged.

IMPRESSION:

Improved pulmonary edema. Unchanged small left pleural effusion.
""",
    50000002: """
EXAMINATION:  CHEST (PA AND LAT)

INDICATION:  Fever and productive cough for three days.

TECHNIQUE:  Chest PA and lateral.

COMPARISON:  None.

FINDINGS:

There is focal consolidation in the right lower lobe. The left lung is clear.
There is no pleural effusion or pneumothorax. Heart size is normal. The
mediastinal and hilar contours are unremarkable. The osseous structures are
intact.

IMPRESSION:

Right lower lobe consolidation compatible with pneumonia. Follow-up
radiographs in 4 to 6 weeks are recommended to document resolution.
""",
    50000006: """
EXAMINATION:  CHEST (PA AND LAT)

INDICATION:  Follow-up of pneumonia.

TECHNIQUE:  Chest PA and lateral.

COMPARISON:  Chest radiograph ___.

FINDINGS:

The right lower lobe consolidation seen on the prior study has resolved. The
lungs are clear. There is no pleural effusion or pneumothorax. Heart size is
normal.

IMPRESSION:

Interval resolution of right lower lobe pneumonia. No acute cardiopulmonary
abnormality.
""",
    50000010: """
EXAMINATION:  CHEST (PA AND LAT)

INDICATION:  Chest pain.

TECHNIQUE:  Chest PA and lateral.

COMPARISON:  None.

FINDINGS:

The lungs are clear without focal consolidation, pleural effusion or
pneumothorax. The cardiomediastinal silhouette is within normal limits. The
trachea is midline. No displaced rib fracture is seen. There is no free air
beneath the diaphragm.

IMPRESSION:

No acute cardiopulmonary process.
""",
    50000005: """
EXAMINATION:  CHEST (PORTABLE AP)

INDICATION:  Status post central line placement.

TECHNIQUE:  Single portable AP view of the chest.

COMPARISON:  None.

FINDINGS:

A left subclavian central venous catheter ends in the mid superior vena cava.
There is a small left apical pneumothorax. The lungs are otherwise clear. No
pleural effusion is seen. Heart size is normal.

IMPRESSION:

Small left apical pneumothorax. Findings were discussed with Dr. ___ by
telephone at 9:15 p.m. on the day of the examination.
""",
    50000011: """
EXAMINATION:  CHEST (PORTABLE AP)

INDICATION:  Pneumothorax, for follow-up.

TECHNIQUE:  Single portable AP view of the chest.

COMPARISON:  Chest radiograph ___.

FINDINGS:

The left apical pneumothorax has decreased and is now tiny. The left
subclavian catheter is unchanged in position. There is no focal consolidation
or pleural effusion.

IMPRESSION:

Decreased left apical pneumothorax compared with ___.
""",
    50000007: """
EXAMINATION:  CHEST (PORTABLE AP)

INDICATION:  Intubated. Tube position?

TECHNIQUE:  Single portable AP view of the chest.

COMPARISON:  None.

FINDINGS:

The endotracheal tube ends 4 cm above the carina. An enteric tube passes
below the diaphragm, its tip outside the field of view. Lung volumes are low
with bibasilar atelectasis. A small left pleural effusion is possible. There
is no pneumothorax.

IMPRESSION:

Endotracheal tube in standard position. Low lung volumes with bibasilar
atelectasis.
""",
    50000012: """
EXAMINATION:  CHEST (PORTABLE AP)

INDICATION:  New fever after extubation.

TECHNIQUE:  Single portable AP view of the chest.

COMPARISON:  Chest radiograph ___.

FINDINGS:

The endotracheal and enteric tubes have been removed. Left lower lobe
atelectasis has increased, and pneumonia cannot be excluded. There is a small
left pleural effusion. There is no pneumothorax.

IMPRESSION:

Worse left lower lobe atelectasis; superimposed pneumonia cannot be excluded.
Small left pleural effusion.
""",
    50000013: """
EXAMINATION:  CHEST (PA AND LAT)

HISTORY:  Preoperative evaluation before knee replacement.

TECHNIQUE:  Chest PA and lateral.

COMPARISON:  None.

FINDINGS:

The cardiac, mediastinal and hilar contours are normal. The pulmonary
vasculature is normal. The lungs are clear. No pleural effusion or
pneumothorax is present. There are no acute osseous abnormalities.

IMPRESSION:

No acute cardiopulmonary abnormality.
""",
    50000008: """
EXAMINATION:  CHEST (PA AND LAT)

INDICATION:  Breast cancer with dyspnea.

TECHNIQUE:  Chest PA and lateral.

COMPARISON:  None.

FINDINGS:

There is a moderate right pleural effusion with right basilar atelectasis.
The left lung is clear. The heart is borderline in size. There is no
pneumothorax.

IMPRESSION:

Moderate right pleural effusion with right basilar atelectasis.
""",
    50000000: """
EXAMINATION:  CHEST (PORTABLE AP)

INDICATION:  Status post right thoracentesis.

TECHNIQUE:  Single portable AP view of the chest.

COMPARISON:  Chest radiograph ___.

FINDINGS:

The right pleural effusion has decreased and is now small. Mild right basilar
atelectasis remains. There is no pneumothorax. There is no pulmonary edema.

IMPRESSION:

Decreased right pleural effusion after thoracentesis. No pneumothorax.
""",
    50000003: """
EXAMINATION:  CHEST (PA AND LAT)

INDICATION:  Smoker with hemoptysis.

TECHNIQUE:  Chest PA and lateral.

COMPARISON:  None.

FINDINGS:

There is a 2 cm nodular opacity in the right upper lobe. The lungs are
hyperinflated. There is no focal consolidation, pleural effusion or
pneumothorax. The aorta is tortuous.

IMPRESSION:

Right upper lobe nodule, concerning for malignancy. Chest CT is recommended.
""",
    59999996: """
REASON FOR EXAMINATION:  Chest tube, for positioning.

AP and oblique radiographs of the chest were reviewed.

A right chest tube ends at the apex. No
pneumothorax is seen.
""",
    59999997: """
INDICATION:  Pacemaker placement.

IMPRESSION:

Left pectoral dual lead pacemaker. No pneumothorax.
""",
    59999998: """
INDICATION:  ___.

FINDINGS:

Dual lead pacemaker [left pectoral], leads in the right atrium and ventricle.
No pulmonary edema.
""",
    59999999: """
FINDINGS:
INDICATION:  Neck pain.

IMPRESSION:  No acute intrathoracic abnormality.
""",
    59999995: """
INDICATION:  Back pain after a fall.

COMPARISON:  Chest radiograph ___.

FINDINGS:

Compared with the prior study, a small posterior pleural effusion is
unchanged. No vertebral compression deformity is seen.

IMPRESSION:

Unchanged small pleural effusion.
""",
    59999994: """
INDICATION:  Pleural effusion.

COMPARISON:  Chest radiograph ___.

FINDINGS:

The small left pleural effusion is similar to the prior study. No
consolidation or pneumothorax is present.

IMPRESSION:

Stable small left pleural effusion.
""",
    59999992: """
WET READ: ___ ___ 8:40 PM
 Left rib fractures.
______________________________________________________________________________
FINAL REPORT
INDICATION:  Left chest wall pain after a bicycle accident.

COMPARISON:  None.

FINDINGS:

There are acute fractures of the left seventh and eighth ribs. The lungs are
clear. No pleural effusion or pneumothorax is seen.

IMPRESSION:

Acute fractures of the left seventh and eighth ribs. No pneumothorax.

ADDENDUM:  The fractures are minimally displaced.
""",
    59999991: """
EXAMINATION:  CHEST (PA AND LAT)

INDICATION:  Weight loss in a long-term smoker.

TECHNIQUE:  Chest PA and lateral.

COMPARISON:  None.

FINDINGS:

The lungs are hyperinflated. A faint opacity in the left upper lobe may be a
nodule. There is mild biapical pleural thickening. No pleural effusion or
pneumothorax is seen.

IMPRESSION:

Faint left upper lobe opacity, possibly a nodule. Hyperinflated lungs with
biapical pleural thickening.
""",
    59999990: """
EXAMINATION:  CHEST (PORTABLE AP)

INDICATION:  Motor vehicle collision.

TECHNIQUE:  Single portable AP view of the chest.

COMPARISON:  None.

FINDINGS:

The upper mediastinum appears widened, which may be due to the supine
position. The heart may be mildly enlarged. A fracture of the right clavicle
is suspected. No pneumothorax or pulmonary edema is seen.

IMPRESSION:

Possible mediastinal widening and possible right clavicle fracture.
""",
    59999989: """
AP lordotic view of the chest.

The lungs are clear.

No pleural effusion or pneumothorax is seen.
""",
    59999988: """
EXAMINATION:  CHEST (PA AND LAT)

INDICATION:  Complete heart block, status post pacemaker placement.

TECHNIQUE:  Chest PA and lateral.

COMPARISON:  None.

FINDINGS:

A left pectoral dual lead pacemaker is in place, with leads in the right
atrium and right ventricle. The heart is moderately enlarged. The lungs are
clear. There is no pneumothorax or pleural effusion.

IMPRESSION:

Pacemaker leads in expected position. Moderate cardiomegaly. No pneumothorax.
""",
}
"""Text by study, without the blank that every line begins with and without the title where nothing
stands above it."""
