"""The Croissant description of a corpus: https://docs.mlcommons.org/croissant, version 1.1.

Besides files and fields it says where the rows come from (PROV-O), what they may be used for (DUO),
and what responsible use needs to know (RAI). The Hub makes a description of its own of public
repositories; it cannot know these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chexinstruct import datasheet
from chexinstruct.licenses import LICENSES
from chexinstruct.schema import SPLITS, Lock
from chexinstruct.source import Source, permits, strictest, terms
from chexinstruct.tasks import Task

CROISSANT = "croissant.json"
"""Its file in the corpus."""

VERSION = "http://mlcommons.org/croissant/1.1"

CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "duo": "http://purl.obolibrary.org/obo/DUO_",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

SPLIT_TERMS = {
    "train": "cr:TrainingSplit",
    "validation": "cr:ValidationSplit",
    "test": "cr:TestSplit",
}

RESEARCH = ("DUO_0000042", "general research use")
NON_COMMERCIAL = ("DUO_0000046", "non-commercial use only")
USER_SPECIFIC = ("DUO_0000026", "user specific restriction")
"""Terms of the Data Use Ontology, with their names."""

TEXT, INTEGER, NUMBER = "sc:Text", "sc:Integer", "sc:Float"

FIELDS: Mapping[str, str] = {
    "id": "Unique in the corpus: task/source/study/key.",
    "task": "Key of the task.",
    "family": "coarse, fine, text, qa or misc.",
    "form": "Which form of the task.",
    "source": "Key of the source.",
    "study_id": "The study's name in the release.",
    "patient": "Digest of the person: a key to group by, not an anonymisation.",
    "instruction": "What the model is asked.",
    "response": "What it should say.",
    "template": "task@version/form/phrasing.",
    "language": "Two letters.",
    "license": "How the source is had: open, registered or credentialed.",
    "redistribution": "Whether the row may be passed on: yes, unknown or no.",
    "origin": "file:row in the release.",
}
"""Columns of plain text."""

LISTS: Mapping[str, str] = {
    "image_ids": "Names of the pictures in their release, in the order shown.",
    "answers": "The right options, or the accepted answers, without any dressing.",
}
"""Columns of lists of text."""


BOXES = (
    ("image", "Index into the row's pictures.", INTEGER),
    ("role", "question or answer.", TEXT),
    ("label", "Canonical name of the finding.", TEXT),
    ("phrase", "Phrase of the report.", TEXT),
    ("x1", "Left edge.", NUMBER),
    ("y1", "Upper edge.", NUMBER),
    ("x2", "Right edge.", NUMBER),
    ("y2", "Lower edge.", NUMBER),
)
"""Parts of a region."""


def croissant(lock: Lock, sources: Mapping[str, Source], tasks: Mapping[str, Task]) -> str:
    """The whole file; the same lock and registries give the same bytes."""
    used = sorted({line.source for line in lock.ledger if line.rows})
    held = sorted({shard.name.partition("/")[0] for shard in lock.shards if shard.rows})
    manifest = lock.manifest
    name, version = manifest["name"], manifest["version"]
    content = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": name,
        "version": version,
        "description": " ".join(
            [
                f"{manifest['description']}".strip(),
                "An instruction corpus of chest radiographs, built by chexinstruct from the raw "
                f"releases of {len(used)} sources.",
            ]
        ).strip(),
        "url": f"urn:chexinstruct:{name}:{version}",
        "license": LICENSES,
        "citeAs": "\n".join(sources[key].card.citation for key in used),
        "inLanguage": sorted(manifest["languages"]),
        "keywords": ["medical", "radiology", "chest X-ray", "instruction tuning"],
        "isLiveDataset": False,
        "usageInfo": _usage(used, sources),
        "prov:wasDerivedFrom": [_origin(key, sources) for key in used],
        "prov:wasGeneratedBy": _activity(lock),
        **_responsible(lock, used, sources),
        "distribution": [*_files(lock), *(_file_set(task) for task in held), *_stored_set(lock)],
        "recordSet": [_splits(), *(_rows(task, tasks, lock) for task in held), *_stored_rows(lock)],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _usage(used: Sequence[str], sources: Mapping[str, Source]) -> list[dict[str, str]]:
    """What the terms of all sources together allow, as DUO has words for it."""
    words = [RESEARCH]
    if any(permits(key, sources).commercial != "yes" for key in used):
        words.append(NON_COMMERCIAL)
    if used and strictest([terms(key, sources) for key in used]).license != "open":
        words.append(USER_SPECIFIC)
    return [
        {
            "@type": "sc:DefinedTerm",
            "name": name,
            "termCode": code,
            "url": f"http://purl.obolibrary.org/obo/{code}",
        }
        for code, name in words
    ]


def _origin(key: str, sources: Mapping[str, Source]) -> dict[str, Any]:
    card = sources[key].card
    return {
        "@id": card.home,
        "@type": "prov:Entity",
        "prov:label": card.name,
        "sc:license": f"{card.license_name}: {card.terms}",
    }


def _activity(lock: Lock) -> dict[str, Any]:
    libraries = ", ".join(f"{name} {version}" for name, version in lock.libraries.items())
    return {
        "@type": "prov:Activity",
        "prov:label": f"Build by chexinstruct {lock.chexinstruct} (Python {lock.python}; "
        f"{libraries}), manifest {lock.manifest['name']} {lock.manifest['version']}, seed "
        f"{lock.manifest['seed']}",
        "prov:wasAssociatedWith": {
            "@type": "prov:SoftwareAgent",
            "prov:label": f"chexinstruct {lock.chexinstruct}",
        },
    }


def _responsible(lock: Lock, used: Sequence[str], sources: Mapping[str, Source]) -> dict[str, Any]:
    """The RAI vocabulary; the same texts as on the card."""
    cards = [sources[key].card for key in used]
    notes = [f"{card.name}: {note}" for card in cards for note in card.notes]
    programs = [
        f"{card.name}: labels of the set {name} were made from reports by a program"
        for card in cards
        for name, label_set in card.label_sets.items()
        if label_set.method == "report_labeller"
    ]
    return {
        "rai:dataCollection": datasheet.collection(cards),
        "rai:dataPreprocessingProtocol": [datasheet.preprocessing(lock)],
        "rai:machineAnnotationTools": programs,
        "rai:dataUseCases": [datasheet.uses(used, sources)],
        "rai:dataLimitations": notes,
        "rai:dataBiases": [
            "People, machines and labels are those of a few hospitals. The tables of the card "
            "count rows by source; where age, sex and race are known, the rows tell them."
        ],
        "rai:personalSensitiveInformation": [datasheet.composition(lock, used)],
        "rai:dataReleaseMaintenancePlan": datasheet.maintenance(),
    }


def _files(lock: Lock) -> list[dict[str, Any]]:
    named = [(f"data/{s.name}.parquet", s.size, s.sha256) for s in lock.shards if s.rows]
    named += [(file.name, file.size, file.sha256) for file in lock.pictures]
    return [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": f"{size} B",
            "encodingFormat": "application/x-parquet",
            "sha256": sha256,
        }
        for name, size, sha256 in named
    ]


def _set(id: str, description: str, includes: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": id,
        "name": id,
        "description": description,
        "encodingFormat": "application/x-parquet",
        "includes": includes,
    }


def _file_set(task: str) -> dict[str, Any]:
    return _set(f"files/{task}", f"The data files of {task}.", f"data/{task}/*.parquet")


def _stored_set(lock: Lock) -> list[dict[str, Any]]:
    return [_set("files/images", "Pictures.", "images/*.parquet")] if lock.pictures else []


def _splits() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "The splits.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            _field("splits", "name", "Name of the split.", TEXT),
            _field("splits", "url", "What it is for.", "sc:URL"),
        ],
        "data": [{"splits/name": split, "splits/url": SPLIT_TERMS[split]} for split in SPLITS],
    }


def _field(
    parent: str, name: str, description: str, kind: str | list[str], **more: Any
) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{parent}/{name}",
        "name": name,
        "description": description,
        "dataType": kind,
        **more,
    }


def _rows(task: str, tasks: Mapping[str, Task], lock: Lock) -> dict[str, Any]:
    """The record set of a task: one record a row."""
    files = f"files/{task}"

    def column(name: str, path: str | None = None) -> dict[str, Any]:
        source: dict[str, Any] = {"fileSet": {"@id": files}, "extract": {"column": name}}
        if path:
            source["transform"] = {"jsonPath": path}
        return source

    fields = [
        _field(
            task,
            "split",
            "From the name of the file.",
            TEXT,
            source={
                "fileSet": {"@id": files},
                "extract": {"fileProperty": "fullpath"},
                "transform": {"regex": f"^(?:.*/)?({'|'.join(SPLITS)})(?:-.+)?$"},
            },
            references={"field": {"@id": "splits/name"}},
        ),
        *(
            _field(task, name, description, TEXT, source=column(name))
            for name, description in FIELDS.items()
        ),
        *(
            _field(
                task, name, description, TEXT, isArray=True, arrayShape="-1", source=column(name)
            )
            for name, description in LISTS.items()
        ),
        {
            **_field(
                task,
                "regions",
                "Boxes in the pictures, in 0 to 1 of width and height (REL_XYXY).",
                "cr:BoundingBox",
                isArray=True,
                arrayShape="-1",
            ),
            "subField": [
                _field(f"{task}/regions", name, description, kind, source=column("regions", name))
                for name, description, kind in BOXES
            ],
        },
    ]
    if lock.manifest["images"]["mode"] == "embed":
        fields.append(
            _field(
                task,
                "images",
                "The pictures in the order shown.",
                "sc:ImageObject",
                isArray=True,
                arrayShape="-1",
                repeated=True,  # mlcroissant 1.1 decodes them one by one only so
                source=column("images", "bytes"),
            )
        )
    return {
        "@type": "cr:RecordSet",
        "@id": task,
        "name": task,
        "description": f"{tasks[task].title}: one instruction and its response a record.",
        "key": {"@id": f"{task}/id"},
        "field": fields,
    }


def _stored_rows(lock: Lock) -> list[dict[str, Any]]:
    if not lock.pictures:
        return []
    files = {"@id": "files/images"}
    return [
        {
            "@type": "cr:RecordSet",
            "@id": "images",
            "name": "images",
            "description": "The pictures, each once.",
            "field": [
                _field(
                    "images",
                    name,
                    description,
                    kind,
                    source={"fileSet": files, "extract": {"column": column}, **more},
                )
                for name, description, kind, column, more in (
                    ("source", "Whose release holds the picture.", TEXT, "source", {}),
                    ("image_id", "Its name there.", TEXT, "image_id", {}),
                    (
                        "image",
                        "The picture.",
                        "sc:ImageObject",
                        "image",
                        {"transform": {"jsonPath": "bytes"}},
                    ),
                )
            ],
        }
    ]
