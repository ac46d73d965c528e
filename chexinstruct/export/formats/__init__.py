"""The formats that a corpus can be exported to, one module a reader."""

from chexinstruct.export.formats.base import Format
from chexinstruct.export.formats.chexagent import CHEXAGENT
from chexinstruct.export.formats.llama_factory import LLAMA_FACTORY
from chexinstruct.export.formats.llava import LLAVA, RADVLM
from chexinstruct.export.formats.ms_swift import MS_SWIFT
from chexinstruct.export.formats.paligemma import PALIGEMMA
from chexinstruct.export.formats.qwen_vl import QWEN_VL
from chexinstruct.export.formats.trl import TRL
from chexinstruct.export.formats.webdataset import WEBDATASET

FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        TRL,
        LLAVA,
        LLAMA_FACTORY,
        MS_SWIFT,
        QWEN_VL,
        CHEXAGENT,
        PALIGEMMA,
        RADVLM,
        WEBDATASET,
    )
}
"""By name, in the order in which they are listed."""

__all__ = ["FORMATS", "Format"]
