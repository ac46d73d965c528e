"""Spanish words by which a sentence tells of something that its pictures do not show.

Accents play no part: releases of the Valencian Region are without them. The classes are those of
:mod:`chexinstruct.reports.cues`.
"""

from __future__ import annotations

import re
import unicodedata

from chexinstruct.reports.cues import Cues, words


def unaccented(text: str) -> str:
    """The text in lower case and without accents; ``ñ`` becomes ``n``."""
    parts = unicodedata.normalize("NFD", text.lower())
    return "".join(part for part in parts if not unicodedata.combining(part))


_STUDY = (
    r"(?:estudios?|exploracion(?:es)?|radiografias?|radiologicos?|rx|placas?|imagen(?:es)?"
    r"|examen(?:es)?|informes?|controles|control|previ[oa]s?)"
)
_LESION = (
    r"(?:derrames?|neumotorax|hidroneumotorax|infiltrados?|consolidacion(?:es)?"
    r"|condensacion(?:es)?|opacidad(?:es)?|atelectasias?|edema|neumonia|afectacion|enfisema"
    r"|lesion(?:es)?|nodulos?|masas?|camara)"
)
_DONE = (
    r"(?:aumentado|disminuido|mejorado|empeorado|desaparecido|aparecido|crecido|progresado"
    r"|cambiado|variado|evolucionado|reducido|remitido|migrado|resuelto|retirado|colocado"
    r"|extubado|reexpandido)"
)

CHANGE = re.compile(
    words(
        # "Cambios" alone is no cue: degenerativos, cronicos, postquirurgicos.
        r"(?:sin|no|ni)\s+(?:\w+\s+){0,3}(?:cambios?|variacion(?:es)?|modificacion(?:es)?"
        r"|diferencias?)",
        r"cambios?\s+(?:significativos?|relevantes?|importantes|apreciables|valorables|resenables"
        r"|evolutivos?|radiologicos\s+significativos)",
        # Not the carina, to which the tip of a tube is measured.
        r"respecto(?!\s+(?:a\s+(?:la\s+)?|de\s+la\s+)?carina)",
        r"compar\w+",
        r"estables?",
        r"estabilidad",
        r"estabiliza\w+",
        r"nuev[oa]s?",
        r"nuevamente",
        r"apari(?:cion|do)\w*",
        r"aparecid[oa]s?",
        r"desapar\w+",
        r"mejori?a\w*",
        r"empeor\w+",
        r"progres\w+",
        r"persist\w+",
        r"permanec\w+",
        r"se\s+mantienen?",
        r"continuan?\s+(?:observando|visualizando|apreciando|presentando)\w*",
        r"evoluci\w+",
        r"evolutiv\w+",
        r"resol(?:ucion|utiv\w+|vi\w+)",
        r"resuelt[oa]s?",
        r"residual(?:es)?\s+(?:\w+\s+)?" + _LESION,
        _LESION + r"\s+(?:\w+\s+)?residual(?:es)?",
        # "Aumento de densidad", "disminucion de volumen" are findings; of a lesion they are change.
        rf"(?:aumento|incremento|disminucion|reduccion|crecimiento)\s+(?:\w+\s+){{0,4}}{_LESION}",
        rf"(?:ha|han|habiendo)\s+(?:\w+\s+)?{_DONE}",
        rf"(?:mayor|menor)\s+(?:extension|tamano|cuantia|grado|densidad)\s+(?:\w+\s+){{0,3}}{_LESION}",
        r"retirad[oa]s?",
        r"retirada",
        r"recolocad[oa]s?",
        r"recambi\w+",
        r"extuba\w+",
        r"tras\s+(?:la\s+)?(?:colocacion|insercion|extraccion|drenaje|evacuacion)",
        r"(?:similar|semejante|superponible|parecid[oa])(?:e?s)?",
        r"igual\s+(?:que|a|al)",
        r"recidiv\w+",
        r"reapar\w+",
        r"reexpan\w+",
        r"aun",
        r"todavia",
        r"ya\s+no",
        r"en\s+regresion",
    )
)
_OTHER_TIMES = words(
    r"previ[oa]s?",
    r"previamente",
    r"anteriormente",
    # Not the front: "mediastino anterior", "arcos costales anteriores".
    rf"{_STUDY}\s+(?:\w+\s+){{0,2}}anterior(?:es)?",
    r"(?:con|al|a\s+la|a\s+los|a\s+las|del?|que\s+el|que\s+la)\s+anterior(?:es)?"
    r"(?=\W*$|\s+(?:de|del)\b)",
    r"conocid[oa]s?",
    r"ya\s+(?:descrit|presente|visible|existente|vist)\w*",
    r"preexistentes?",
    r"(?:rx|radiografia|placa|estudio)\s+(?:inicial|basal)",
    r"control(?:es)?",
    r"seguimiento",
    r"actual(?:es|mente)?",
    r"hoy",
    rf"ultim[oa]s?\s+{_STUDY}",
    rf"desde\s+(?:el|la)\s+(?:{_STUDY}|ingreso|dia)",
)

SPANISH = Cues(
    lower=unaccented,
    change=CHANGE,
    prior=re.compile(f"{CHANGE.pattern}|{_OTHER_TIMES}"),
    not_prior=re.compile(
        words(
            r"(?:alta|baja|escasa|mala|limitada)\s+resolucion",
            r"resolucion\s+espacial",
            # Degenerative and other lasting changes are denied in the picture itself.
            r"(?:sin|no|ni)\s+(?:\w+\s+){0,3}cambios?\s+(?:\w+\s+)?(?:degenerativ|cronic|inflamator"
            r"|fibros|artros|postquirurg|osteodegenerativ|involutiv)\w*",
            r"fibrosis\s+masiva\s+progresiva",
            # Sides and neighbours in one picture are compared, not two times.
            r"(?:respecto|compar\w+)\s+(?:al?|con|del?)\s+(?:(?:el|la)\s+)?"
            r"(?:lado|contralateral|hemitorax|pulmon|campo|base|hilio|hemidiafragma"
            r"|izquierd[oa]|derech[oa]|resto)",
            r"(?:similar|semejante)\s+al\s+(?:contralateral|lado)",
        )
    ),
    not_prior_lenient=re.compile(
        words(
            r"(?:cirugia|esternotomia|fracturas?|intervencion|toracotomia|mastectomia|lobectomia"
            r"|infeccion|granulomatos[oa]|tuberculosis)\s+(?:\w+\s+)?previas?",
        )
    ),
    not_change=re.compile(
        words(
            r"(?:no|sin)\s+(?:\w+\s+){0,6}(?:comparar|comparacion|comparativ\w+)",
            r"(?:recomi?end|aconsej|sugier|valorar)\w*\s+(?:\w+\s+){0,6}"
            r"(?:evolucion|resolucion|estabilidad|mejoria|comparar)",
            r"(?:segun|control\w*\s+(?:de\s+)?(?:la\s+)?)\s*evolu\w+",
        )
    ),
    time_words=re.compile(
        words(
            r"ayer",
            r"anoche",
            r"esta\s+(?:manana|tarde|noche|madrugada)",
            r"hace\s+(?:\d+|un[oa]?|dos|tres|cuatro|cinco|seis|varios|varias|pocos|pocas|unos|unas)"
            r"\s+(?:horas?|dias?|semanas?|mes(?:es)?|anos?)",
            r"de\s+fecha",
        )
    ),
    time_numbers=re.compile(
        r"\b\d{1,2}:\d{2}\b|\b\d+\s*(?:hs?|horas?)\b|\ba\s+las\s+\d{1,2}\b"
        r"|\b\d{1,2}\s*([/-])\s*\d{1,2}\s*\1\s*\d{2,4}\b|\b(?:19|20)\d{2}-\d{2}-\d{2}\b"
        r"|\b(?:dia|fecha)\s+\d{1,2}\b|\b(?:de|del|en|ano)\s+(?:19|20)\d{2}\b"
        r"|\b\d{1,2}\s+(?:de\s+)?(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre"
        r"|octubre|noviembre|diciembre)\b"
        r"|\b(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre"
        r"|diciembre)\s+(?:del?\s+)?\d{2,4}\b"
    ),
    communication=re.compile(
        words(
            r"comentad[oa]s?\s+(?:con|a|al)",
            r"se\s+comenta\w*\s+(?:con|a|al)",
            # Not "se comunica con el espacio pleural".
            r"se\s+comunic\w+\s+(?:al?|por|los?|las?|el|este|estos)",
            r"comunicad[oa]s?\s+(?:a|al|por)",
            r"se\s+avis\w+",
            r"avisad[oa]s?",
            r"se\s+inform\w+\s+(?:a|al|por)",
            r"informad[oa]\s+por",
            r"telefon\w+",
            r"(?:se\s+)?llama\s+a",
            r"dra?",
            r"doctor(?:a|es)?",
            r"medicos?",
            r"enfermer[oa]s?",
            r"radiolog[oa]s?",
            r"clinicos?\s+(?:responsable|peticionario|solicitante)",
            r"peticionari[oa]s?",
            r"servicio\s+de",
            r"equipo\s+(?:medico|clinico|quirurgico)",
        )
    ),
    other_image=re.compile(
        words(
            r"(?:angio)?-?\s?(?:tc|tac)s?",
            r"tcar",
            r"tacar",
            r"escaner",
            r"tomogra\w+",
            r"rmn?",
            r"resonancia",
            r"pet",
            r"eco",
            r"ecogra\w+",
            r"ecocardio\w+",
            r"ultraso\w+",
            r"gammagra\w+",
            r"mamogra\w+",
            r"fluorosc\w+",
            r"angiogra\w+",
            r"(?:rx|radiografia|placa)\s+(?:\w+\s+)?abdom\w+",
        )
    ),
    lateral_image=re.compile(
        words(
            r"(?:proyeccion(?:es)?|radiografias?|rx|placas?|vista|imagen)\s+(?:\w+\s+){0,3}"
            r"(?:lateral(?:es)?|perfil)",
            r"en\s+(?:la\s+)?(?:lateral|perfil)(?!\s+(?:derech|izquierd))",
            r"(?:ap|pa|posteroanterior|anteroposterior)\s+(?:y|mas)\s+(?:lateral|perfil)",
        )
    ),
    cross_reference=re.compile(
        words(
            r"(?:arriba|anteriormente|previamente|ya|mas\s+arriba)\s+(?:descrit|mencionad|comentad)\w+",
            r"(?:descrit|mencionad|comentad)\w+\s+(?:mas\s+)?(?:arriba|abajo|anteriormente)",
            r"ver\s+(?:el\s+)?(?:informe|texto|comentario|conclusion|hallazgos)",
        )
    ),
    view=re.compile(
        words(
            r"proyeccion(?:es)?",
            r"radiografias?",
            r"rx",
            r"placas?",
            r"portatil(?:es)?",
            r"decubito",
            r"supino",
            r"sedestacion",
            r"bipedestacion",
            r"posteroanterior",
            r"anteroposterior",
            r"tecnica\w*",
            r"calidad",
            r"rotad[oa]",
            r"rotacion",
            r"inspira\w+",
            r"penetrad[oa]",
            r"colaborador\w*",
            r"colaboracion",
            r"se\s+realizan?",
            r"se\s+practican?",
            r"(?:estudio|exploracion|valoracion)\s+(?:\w+\s+)?(?:limitad|subopti|suboptim)\w*",
        )
    ),
    finding=re.compile(
        r"\b(?:hidro)?(?:neumotora|derrame|opaci|consolid|condensa|atelect|edema|infiltra|neumon"
        r"|bronconeumon|nodul|masas?\b|lesion|fractur|luxa|cardio|cardiac|corazon|mediast|pulm"
        r"|lobul|lobar|lobulo|pleur|hili|hilio|aort|diafragma|hemidiafragma|traque|carina|costal"
        r"|costill|columna|vertebr|ose[oa]|hueso|seno|costofren|cardiofren|apic|apex|vertice|bas(?:al|es?\b)"
        r"|bibasal|enfisem|fibro|cicatri|granulom|calcif|engrosa|pinza|congest|intersti|vascul"
        r"|aire\b|aere|hernia|escolio|cifo|degenerat|silueta|contorno|sombra|aspira(?:cion|tiv)"
        r"|tubo|sonda|cateter|via\s+central|marcapasos|electrodo|drenaje|stent|clips?\b|sutura"
        r"|esternotom|protesis|valvul|dispositiv|reservorio|intuba|traqueostom|vidrio|patron"
        r"|densidad|trama|volumen|parenquim|normal|anormal|patolog|alterac|hallazgo|signos?\b"
        r"|agud|cronic|covid|campos?\b|redistribu|elonga|ateromat|ectasi)"
    ),
    recommendation=re.compile(
        words(
            r"recomi?end\w*",
            r"acons\w+",
            r"conviene",
            rf"(?:sugier|sugir)\w*\s+(?:\w+\s+){{0,4}}(?:{_STUDY}|tc|tac|completar|ampliar)",
            rf"(?:valorar|completar|ampliar|repetir|realizar|solicitar)\s+(?:\w+\s+){{0,4}}(?:{_STUDY}|tc|tac"
            r"|ecografia|resonancia)",
            r"correlac\w+",
            r"seguimiento",
            r"control(?:es)?\s+(?:\w+\s+)?(?:evolutiv|radiolog)\w*",
            r"a\s+valorar",
        )
    ),
    history=re.compile(
        words(
            r"antecedentes?",
            r"juicio\s+clinico",
            r"sospecha\s+clinica",
            r"datos\s+clinicos",
            r"motivo",
            r"paciente\s+(?:con|de|en)",
            r"anos\s+de\s+edad",
            r"fumador\w*",
            r"intervenid[oa]",
            r"post\s?operad[oa]",
            r"ingresad[oa]",
            r"clinica\s+de",
        )
    ),
    hanging=re.compile(
        r"\W*(?:(?:el\s+)?resto|por\s+lo\s+demas|ademas|tambien|sin\s+embargo|no\s+obstante|pero"
        r"|est[aeo]s?|dich[ao]s?|ello|l[ao]s?\s+cual(?:es)?|podria|puede|pudiera|probablemente"
        r"|posiblemente|sin\s+otr[ao]s?|no\s+otr[ao]s?)\b",
    ),
)
