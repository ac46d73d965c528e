"""Leak filters on Spanish reports: the same promises, with and without accents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        "Sin cambios significativos.",
        "Sin cambios.",
        "No se aprecian cambios.",
        "No se observan cambios relevantes respecto a previo.",
        "Infiltrado basal derecho sin variacion.",
        "Derrame pleural que ha disminuido.",
        "Disminucion del derrame pleural izquierdo.",
        "Aumento de la consolidacion en base derecha.",
        "Respecto al estudio del ingreso persiste el infiltrado.",
        "En comparacion con la placa anterior aumenta el derrame.",
        "Comparado con radiografia anterior.",
        "Mejoría radiológica.",
        "Empeoramiento de los infiltrados bilaterales.",
        "Ha mejorado la aireacion de la base izquierda.",
        "Nuevo infiltrado en lobulo medio.",
        "Infiltrado de nueva aparicion.",
        "Ha desaparecido el neumotorax.",
        "Cardiomegalia estable.",
        "Neumotorax residual apical.",
        "Evolucion favorable de la neumonia.",
        "Se mantienen los infiltrados bilaterales.",
        "Permanece la sonda nasogastrica.",
        "Rx de control.",
        "Control tras retirada de drenaje.",
        "Hallazgos superponibles.",
        "Nodulo similar al del estudio previo.",
        "Granuloma ya conocido.",
        "Todavía se observa derrame.",
        "Infiltrado actualmente en resolucion.",
        "Cirugia previa.",
    ],
    "cross_reference": [
        "Resto de hallazgos como los descritos arriba.",
        "Los ya comentados infiltrados basales.",
        "Ver informe.",
    ],
    "deidentified": ["Visto por nombrepropio.", "Nombrepropio con infiltrado basal."],
    "time": [
        "Placa del dia 12.",
        "Colocado ayer el cateter.",
        "Fractura de hace dos semanas.",
        "Infiltrado visto el 3 de marzo.",
        "Estudio de las 8:15.",
        "Nodulo visto en 2018.",
    ],
    "communication": [
        "Se avisa al medico responsable.",
        "Comentado con el clinico.",
        "Se informa a la planta por telefono.",
        "Dra de guardia enterada.",
    ],
    "other_image": [
        "Nodulo mejor definido en tc.",
        "Masa conocida en TAC.",
        "Derrame visto por ecografia.",
        "Imagen que se confirma en la proyeccion lateral.",
        "Fractura visible en la lateral.",
    ],
    "view": [
        "Se realiza radiografia posteroanterior.",
        "Rx portatil en decubito.",
        "Placa poco inspirada.",
        "Estudio de escasa calidad tecnica.",
    ],
    "recommendation": [
        "Se recomienda seguimiento.",
        "Aconsejamos nueva placa.",
        "Valorar completar con tc.",
        "A correlacionar con la clinica.",
    ],
    "history": [
        "Antecedentes de cirugia cardiaca.",
        "Paciente con fiebre y derrame.",
        "Varon de 60 años de edad.",
    ],
}


@pytest.mark.parametrize(
    ("name", "sentence"), [(name, s) for name, group in DROPPED.items() for s in group]
)
def test_dropped(name: LeakClass, sentence: str) -> None:
    shown = name in ("view", "recommendation")
    assert find_leaks(sentence, (name,), language="es", lateral_in_sample=shown) == (name,)


KEPT = [
    "Infiltrado en base derecha compatible con neumonia.",
    "Infiltrados bilaterales de predominio periferico sugestivos de neumonia por covid.",
    "Aumento de densidad en lobulo superior derecho.",
    "Aumento de la trama broncovascular.",
    "Silueta cardiaca aumentada de tamaño.",
    "Aumento del indice cardiotoracico.",
    "Disminucion de volumen del pulmon izquierdo.",
    "Cambios degenerativos en columna dorsal.",
    "Cambios cronicos en ambos vertices.",
    "Sin cambios degenerativos en la columna.",
    "Masa en mediastino anterior.",
    "Fractura de arcos costales anteriores.",
    "Pinzamiento del seno costofrenico lateral izquierdo.",
    "Atelectasia laminar basal.",
    "Opacidad en la base lateral derecha.",
    "Tubo endotraqueal a 3 cm respecto a la carina.",
    "Hemidiafragma derecho elevado respecto al contralateral.",
    "Derrame pleural bilateral de mayor cuantia en el lado derecho.",
    "No se observan infiltrados ni derrame pleural.",
    "Sin hallazgos patologicos.",
    "Hallazgos dentro de la normalidad.",
    "Radiografia de torax sin alteraciones significativas.",
    "Radiografia portatil que muestra infiltrados bilaterales.",
    "Marcapasos con electrodo en ventriculo derecho.",
    "Cateter venoso central con extremo en vena cava superior.",
    "Elongacion aortica.",
    "Vidrio deslustrado en ambas bases.",
    "Escoliosis dorsal de convexidad derecha.",
    "Granulomas calcificados en el hilio izquierdo.",
    "El cateter continua hasta la auricula derecha.",
    "Patron intersticial bilateral y difuso.",
]


@pytest.mark.parametrize("sentence", KEPT)
def test_kept(sentence: str) -> None:
    assert filter_text(sentence, IMAGE, language="es").text == sentence


def test_lateral_stays_with_its_picture() -> None:
    sentence = "En la lateral se aprecia derrame."
    assert find_leaks(sentence, IMAGE, language="es", lateral_in_sample=True) == ()


@pytest.mark.parametrize(
    "text", ["Fractura costal previa.", "Esternotomia media previa.", "Infeccion previa."]
)
def test_lenient_prior(text: str) -> None:
    assert find_leaks(text, ("prior",), language="es") == ("prior",)
    assert find_leaks(text, ("prior",), language="es", lenient_prior=True) == ()


@pytest.mark.parametrize(
    "text",
    ["Sin cambios respecto a previo.", "Infiltrados en resolucion.", "Empeora el derrame."],
)
def test_change_cue(text: str) -> None:
    assert has_change_cue(text, "es")


@pytest.mark.parametrize(
    "text",
    [
        "Pulmones bien aireados.",
        "Cambios degenerativos.",
        "Fractura costal previa.",
        "No se dispone de estudios para comparar.",
        "Se recomienda control hasta resolucion.",
    ],
)
def test_no_change_cue(text: str) -> None:
    assert not has_change_cue(text, "es")


def test_languages_do_not_mix() -> None:
    assert find_leaks("Sin cambios respecto al control.", IMAGE) == ()
    assert find_leaks("Stable mass, unchanged from the prior.", IMAGE, language="es") == ()
    assert find_leaks("Masse stable ___.", IMAGE, language="fr") == ("deidentified", "prior")


_SENTENCES = st.lists(
    st.sampled_from(KEPT + [s for group in DROPPED.values() for s in group]), max_size=8
)


@given(_SENTENCES, st.sets(st.sampled_from(LEAK_CLASSES)))
def test_what_is_left_holds_no_leak(chosen: list[str], classes: set[LeakClass]) -> None:
    done = filter_text(" ".join(chosen), classes, language="es")
    assert not any(find_leaks(s, classes, language="es") for s in sentences(done.text))
    assert sum(done.dropped.values()) == len(chosen) - len(sentences(done.text))
