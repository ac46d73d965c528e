"""Leak filters: what a picture cannot show goes, everything else stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.errors import CallError
from chexinstruct.reports import (
    LEAK_CLASSES,
    POLICIES,
    LeakClass,
    filter_text,
    find_leaks,
    has_change_cue,
    sentences,
)

IMAGE = POLICIES["image_target"]

DROPPED: dict[LeakClass, list[str]] = {
    "prior": [
        "No significant change.",
        "There is no change in the right effusion.",
        "No relevant change compared to the previous radiograph.",
        "The position of the line has changed.",
        "Little change in the size of the nodule.",
        "The cardiac silhouette is unchanged.",
        "Stable cardiomegaly.",
        "No new consolidation.",
        "A newly placed left chest tube is in position.",
        "Increased opacity at the left base.",
        "Aeration of the left base has improved.",
        "Worsening pulmonary edema.",
        "The effusion persists.",
        "The heart remains enlarged.",
        "Small remaining pneumothorax at the left apex.",
        "Remaining obliteration of the left costophrenic angle.",
        "Minimal residual right pleural effusion.",
        "The right pneumothorax has resolved.",
        "Resolution of the left lower lobe pneumonia.",
        "Again seen is a calcified granuloma.",
        "Redemonstrated is a hiatal hernia.",
        "The left lung has re-expanded.",
        "There is still a small effusion.",
        "The pneumothorax is no longer seen.",
        "The endotracheal tube has been removed.",
        "The tube has been advanced into the stomach.",
        "The left PICC has been repositioned.",
        "The monitoring devices are in constant position.",
        "Mild edema since the earlier study.",
        "The effusion is larger.",
        "Evolving consolidation at the right base.",
        "Developing consolidation at the left base.",
        "The heart size is now normal.",
        "A patchy infiltrate has developed in the right lower lobe.",
        "There has been interval placement of a pacemaker.",
        "The pre-existing opacity is seen at the left base.",
        "Evidence of prior granulomatous disease.",
        "Small nodule as before.",
        "Right opacity is better seen on today's examination.",
        "Follow-up is advised for the nodule.",
    ],
    "deidentified": [
        "The ___ line ends in the SVC.",
        "The XXXX are clear.",
        "Seen by [**Name**] as edema.",
    ],
    "time": [
        "Film taken at 8:15 shows edema.",
        "Tube placed at 5 PM.",
        "Seen at 9 a.m. by the service.",
        "Effusion seen within 24 hours.",
        "Nodule noted on 1/2/2008.",
        "Nodule noted on March 3.",
        "Fracture seen in May 2012.",
        "Effusion drained yesterday.",
    ],
    "communication": [
        "These findings were discussed with the team.",
        "Findings were reported to the ward.",
        "The surgical team is aware.",
        "Dr. Lee was told of the pneumothorax.",
        "The referring physician was notified by phone.",
        "Results were entered into the dashboard.",
    ],
    "other_image": [
        "Nodule better characterised by CT.",
        "Known mass on MRI.",
        "Effusion seen at ultrasound.",
        "Preliminary reading: no pneumothorax.",
        "A small effusion is seen on the lateral view.",
        "Opacity on the lateral overlies the spine.",
        "Fracture noted on outside films.",
    ],
    "cross_reference": [
        "Lines and tubes as above.",
        "Left effusion as described above, with atelectasis.",
        "Abnormal right hilum, as discussed below.",
        "Changes as discussed below suggest fibrosis.",
        "No acute fracture, see above.",
        "Please see above for the positions of lines.",
        "Apart from the above the lungs are clear.",
        "The above findings suggest infection.",
        "Above-mentioned nodule in the left lung.",
        "The aforementioned opacity may be a scar.",
        "Old fractures as described, nothing acute.",
        "Rib fractures as noted in the findings.",
        "Support devices: see findings.",
        "Cervical spine is reported separately.",
    ],
    "view": [
        "PA and lateral views of the chest were obtained.",
        "Single frontal view of the chest.",
        "Portable AP radiograph.",
        "The patient is rotated to the right.",
        "Study is limited by body habitus.",
        "Apical lordotic view of the chest.",
        "Two images were submitted.",
    ],
    "recommendation": [
        "Recommend PA view for the nodule.",
        "Dedicated rib views are suggested.",
        "Suggest a repeat film in deep inspiration.",
        "Please correlate clinically.",
        "Further evaluation would be helpful.",
        "The tube should be advanced by 3 cm.",
    ],
    "history": [
        "Status post sternotomy.",
        "Nodule in a patient with a history of cancer.",
        "A 55-year-old man with effusion.",
        "Adenopathy compatible with the known sarcoidosis.",
    ],
}


@pytest.mark.parametrize(
    ("name", "sentence"), [(name, s) for name, group in DROPPED.items() for s in group]
)
def test_dropped(name: LeakClass, sentence: str) -> None:
    assert find_leaks(sentence, (name,), lateral_in_sample=name == "view") == (name,)


KEPT = [
    "Degenerative changes of the thoracic spine.",
    "Mild degenerative change of the shoulders.",
    "Postsurgical changes in the left lung.",
    "Emphysematous changes at both apices.",
    "Chronic interstitial changes are present.",
    "No acute bony changes.",
    "The remaining osseous structures are intact.",
    "The remainder of the lungs is clear.",
    "Old healed rib fracture.",
    "Chronic appearing compression deformity.",
    "Advanced emphysema.",
    "Bilateral effusions, right larger than left.",
    "Bibasilar atelectasis, worse on the right.",
    "The right hemidiaphragm is elevated compared to the left.",
    "Opacities are more prominent in the bases.",
    "Valve replacement is seen.",
    "Retraction of the right hilum.",
    "Fine nodules at high resolution.",
    "Unstable fracture of the clavicle.",
    "No recent fracture.",
    "The catheter continues into the right atrium.",
    "The PICC tip lies in the right atrium and should be repositioned.",
    "Against the left border lies a rounded mass.",
    "Sternotomy wires are intact.",
    "No acute findings were identified.",
    "No abnormal findings were seen.",
    "Air communicates with the pleural space.",
    "Findings suggest pulmonary edema.",
    "Opacity suggestive of pneumonia.",
    "Atelectasis in the lateral left base.",
    "The lateral costophrenic angle is blunted.",
    "The CT ratio is 0.5.",
    "Direct signs of edema are absent.",
    "Tip lies 5 cm above the carina at the level of T4.",
    "Nodules 1 and 2 may represent granulomas.",
    "A 3 mm nodule in the left upper lobe.",
    "The 7th to 9th ribs are fractured.",
    "The tracheal tube ends 4 cm above the carina.",
    "Feeding tube noted below the left hemidiaphragm.",
    "The catheter tip is seen above the right clavicle.",
    "Opacity noted above and below the minor fissure.",
    "Air-fluid level immediately below the diaphragm.",
    "The second nodule lies above this.",
    "The tube passes below the diaphragm and out of view.",
    "Heart size is in the normal range, not above.",
    "The line ends as noted above the azygos arch.",
    "The described lucency is a skin fold.",
    "Calcified granulomas are noted.",
    "Portable chest radiograph demonstrates a right pneumothorax.",
    "The lungs are clear on this portable examination.",
    "The patient is intubated.",
    "Normal chest radiograph.",
    "Low lung volumes and patient rotation.",
    "Rotatory scoliosis of the thoracic spine.",
    "Heart size is normal.",
]


@pytest.mark.parametrize("sentence", KEPT)
def test_kept(sentence: str) -> None:
    assert filter_text(sentence, IMAGE).text == sentence


def test_views_named_together_stay_only_with_their_pictures() -> None:
    sentence = "PA and lateral views show clear lungs."
    assert find_leaks(sentence, IMAGE, lateral_in_sample=True) == ()
    assert find_leaks(sentence, IMAGE) == ("other_image",)


@pytest.mark.parametrize(
    "sentence",
    [
        "Evidence of prior median sternotomy.",
        "Findings suggest previous granulomatous disease.",
        "Increased interstitial markings.",
        "Increased AP diameter of the chest.",
        "Patient in stable condition.",
    ],
)
def test_lenient_prior(sentence: str) -> None:
    assert find_leaks(sentence, ("prior",)) == ("prior",)
    assert find_leaks(sentence, ("prior",), lenient_prior=True) == ()


@pytest.mark.parametrize(
    "sentence",
    [
        "Increasing interstitial markings.",
        "Stable cardiomegaly.",
        "The prior radiograph shows a fracture.",
        "Prior sternotomy, unchanged.",
    ],
)
def test_lenient_prior_still_drops_comparisons(sentence: str) -> None:
    assert find_leaks(sentence, ("prior",), lenient_prior=True) == ("prior",)


def test_order_and_selection_of_classes() -> None:
    sentence = "Dr. ___ was told at 8:15 of the new effusion seen on CT."
    everything = ("deidentified", "prior", "time", "communication", "other_image")
    assert find_leaks(sentence, LEAK_CLASSES) == everything
    assert find_leaks(sentence, ("other_image", "prior")) == ("prior", "other_image")


def test_unknown_class_is_an_error() -> None:
    with pytest.raises(CallError, match="unknown leak class priors; expected some of"):
        find_leaks("Clear.", ("priors",))  # type: ignore[arg-type]


def test_filter_counts_each_sentence_once() -> None:
    done = filter_text(
        "1. Lungs are clear. 2. Stable ___ heart. 3. New edema. 4. CT shows a new nodule.", IMAGE
    )
    assert done.text == "Lungs are clear."
    assert done.dropped == {"deidentified": 1, "prior": 2}
    assert done.usable


@pytest.mark.parametrize(
    ("text", "usable"),
    [("New edema.", False), ("Normal chest.", False), ("No acute change.", True)],
)
def test_usable(text: str, usable: bool) -> None:
    assert filter_text(text, IMAGE).usable is usable


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Heart size is stable; no pneumothorax.", "No pneumothorax."),
        ("The effusion has grown, but there is no pneumothorax.", "There is no pneumothorax."),
        # These ends cannot stand alone.
        ("The effusion is larger, but may be loculated.", ""),
        ("The nodule is unchanged; it is calcified.", ""),
        ("The nodule is unchanged; etiology not determined.", ""),
    ],
)
def test_clauses(text: str, left: str) -> None:
    done = filter_text(text, IMAGE)
    assert done.text == left
    assert done.dropped == {"prior": 1}


def test_clean_sentences_are_never_cut() -> None:
    text = "Heart size is normal; no pneumothorax, but there is edema."
    assert filter_text(text, IMAGE).text == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Compared to ___, there is more edema.", "There is more edema."),
        (
            "In comparison with the study of ___, the effusion is larger.",
            "The effusion is larger.",
        ),
        ("As compared to prior chest radiograph from ___, no change.", "No change."),
        ("Edema has improved since ___.", "Edema has improved."),
        ("The heart is unchanged from ___.", "The heart is unchanged."),
        ("Edema is new since the prior study dated ___.", "Edema is new."),
        # A mask that need not be a date keeps its sentence out.
        ("Fracture of ___ rib is unchanged.", ""),
        ("Comparison is made to ___.", ""),
        ("Compared to ___ at 8:15, edema is new.", ""),
    ],
)
def test_progression_drops_masked_dates(text: str, left: str) -> None:
    assert filter_text(text, POLICIES["progression"]).text == left


def test_image_targets_never_lose_a_mask_alone() -> None:
    assert filter_text("Compared to ___, lungs are clear.", IMAGE).text == ""


@pytest.mark.parametrize(
    "text",
    [
        "No significant interval change.",
        "Lungs are clear. Stable cardiomegaly.",
        "Effusions have decreased.",
        "Compared with the prior film, the tube is lower.",
        "New right pneumothorax, follow-up is recommended.",
    ],
)
def test_change_cue(text: str) -> None:
    assert has_change_cue(text)


@pytest.mark.parametrize(
    "text",
    [
        "The lungs are clear.",
        "Degenerative changes of the spine.",
        "Evidence of prior sternotomy.",
        "Increased interstitial markings.",
        "No prior studies are available for comparison.",
        "Recommend follow-up radiograph to ensure resolution.",
        "Short interval follow-up is advised.",
        "Follow-up CT to document stability.",
        "Effusions, right larger than left.",
    ],
)
def test_no_change_cue(text: str) -> None:
    assert not has_change_cue(text)


_SENTENCES = st.lists(
    st.sampled_from(KEPT + [s for group in DROPPED.values() for s in group]), max_size=8
)


@given(_SENTENCES, st.sets(st.sampled_from(LEAK_CLASSES)))
def test_what_is_left_holds_no_leak(chosen: list[str], classes: set[LeakClass]) -> None:
    text = " ".join(chosen)
    done = filter_text(text, classes)
    assert not any(find_leaks(s, classes) for s in sentences(done.text))
    assert sum(done.dropped.values()) == len(sentences(text)) - len(sentences(done.text))
    assert set(done.dropped) <= classes


@pytest.mark.parametrize(
    ("caption", "left"),
    [
        ("Chest X-ray showing a left effusion (arrow).", "Chest X-ray showing a left effusion."),
        ("Large right pleural effusion in (Case 2).", "Large right pleural effusion."),
        ("Chest film on admission. The heart is enlarged.", "The heart is enlarged."),
        ("Chest radiograph of a 4-month-old boy with a right opacity.", ""),
        ("Chest radiograph after three days of treatment: edema.", ""),
        ("Left lung collapse, as in Fig. 2.", ""),
        ("White arrows point to a nodule of the lung.", ""),
        ("Effusion due to a fistula.", ""),
        ("Left effusion, as seen on CT.", ""),
        ("The effusion has increased.", ""),
        ("Chest X-ray, PA view.", ""),
    ],
)
def test_a_caption_keeps_what_its_picture_shows(caption: str, left: str) -> None:
    assert filter_text(caption, POLICIES["caption"]).text == left


def test_reports_keep_brackets_and_what_only_captions_must_not_say() -> None:
    text = "Postoperative heart (arrow) is enlarged."
    assert filter_text(text, IMAGE).text == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The nodule is unchanged. Otherwise the lungs are clear.", ""),
        ("New opacity at the left base. This may be a scar. Heart is large.", "Heart is large."),
        ("Compared to prior, less edema. However, both bases are dark. It is diffuse.", ""),
        ("Heart is large. This may be an effusion.", "Heart is large. This may be an effusion."),
        ("The nodule is unchanged. Both lungs are clear.", "Both lungs are clear."),
        ("As described above. If pain persists, rib films are better. Otherwise clear.", ""),
        ("Lungs are clear. There is an arthrosis of the left hip.", "Lungs are clear."),
    ],
)
def test_what_goes_on_from_a_dropped_sentence_goes_with_it(text: str, left: str) -> None:
    assert filter_text(text, POLICIES["image_target"]).text == left
