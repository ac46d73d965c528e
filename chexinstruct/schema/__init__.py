"""The common schema: one concept a file, everything typed, units in the field notes."""

from chexinstruct.schema.arrow import arrow_schema, from_arrow, to_arrow
from chexinstruct.schema.common import (
    SPLITS,
    LicenseClass,
    Origin,
    Record,
    Redistribution,
    Split,
)
from chexinstruct.schema.example import Example, Metadata, Option, Picture, RegionRow
from chexinstruct.schema.facts import VARIED, Facts
from chexinstruct.schema.image import Image, View, ViewSource
from chexinstruct.schema.label import Label, LabelSet, Method, State, UncertainPolicy
from chexinstruct.schema.lock import (
    LOCK,
    Line,
    Lock,
    MixtureShare,
    Shard,
    SourceAccount,
    StoredFile,
)
from chexinstruct.schema.question import Question, Turn, joined
from chexinstruct.schema.region import Box, Comparison, Frame, Region
from chexinstruct.schema.report import (
    Entities,
    Entity,
    EntityType,
    ErrorCounts,
    ErrorKind,
    Explanation,
    Modality,
    OrganText,
    Pair,
    Report,
    Text,
)
from chexinstruct.schema.study import Study

__all__ = [
    "LOCK",
    "SPLITS",
    "VARIED",
    "Box",
    "Comparison",
    "Entities",
    "Entity",
    "EntityType",
    "ErrorCounts",
    "ErrorKind",
    "Example",
    "Explanation",
    "Facts",
    "Frame",
    "Image",
    "Label",
    "LabelSet",
    "LicenseClass",
    "Line",
    "Lock",
    "Metadata",
    "Method",
    "MixtureShare",
    "Modality",
    "Option",
    "OrganText",
    "Origin",
    "Pair",
    "Picture",
    "Question",
    "Record",
    "Redistribution",
    "Region",
    "RegionRow",
    "Report",
    "Shard",
    "SourceAccount",
    "Split",
    "State",
    "StoredFile",
    "Study",
    "Text",
    "Turn",
    "UncertainPolicy",
    "View",
    "ViewSource",
    "arrow_schema",
    "from_arrow",
    "joined",
    "to_arrow",
]
