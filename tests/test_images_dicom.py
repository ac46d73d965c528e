"""DICOM files: every way to store a picture gives the grey values the standard describes."""

from __future__ import annotations

import io
import zlib
from math import isqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from images_support import FULL, Pixels, dicom_file, encode, lut_item, pixels_of, ramp
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import (
    JPEG2000,
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    RLELossless,
)

from chexinstruct.images import BadImage, ImageSettings, normalise

AS_IS = ImageSettings(size=FULL, format="png")
TWELVE = ramp(60, 90, 4095).astype(np.uint16)
EIGHT = ramp(60, 90, 255).astype(np.uint8)
WINDOW = {"WindowCenter": 2000, "WindowWidth": 3000}


def grey(file: bytes) -> Pixels:
    return pixels_of(normalise(file, AS_IS)).astype(int)


def reason(file: bytes) -> str:
    with pytest.raises(BadImage) as caught:
        normalise(file, AS_IS)
    assert "\n" not in str(caught.value)
    return caught.value.reason


def by_pydicom(file: bytes) -> Pixels:
    """The grey of every pixel by pydicom's own float route, 0..255; also the test's reference."""
    dataset = dcmread(io.BytesIO(file))
    values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    if dataset.get("VOILUTSequence"):
        low, high = 0.0, 2.0 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1
    else:
        if dataset.get("ModalityLUTSequence"):
            ends = [0.0, 2.0 ** dataset.ModalityLUTSequence[0].LUTDescriptor[2] - 1]
        else:
            half = 2.0 ** (dataset.BitsStored - 1) * dataset.PixelRepresentation
            ends = [-half, 2.0**dataset.BitsStored - 1 - half]
            slope, shift = dataset.get("RescaleSlope", 1), dataset.get("RescaleIntercept", 0)
            ends = [float(slope) * end + float(shift) for end in ends]
        low, high = ends
    levels = (values - low) / (high - low)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        levels = 1 - levels
    return np.asarray(levels) * 255


def all_values(bits: int, *, signed: bool = False) -> Pixels:
    """A picture that holds every storable value once."""
    side = 2 ** (bits // 2)
    values = np.arange(2**bits).reshape(side, -1) - (2 ** (bits - 1) if signed else 0)
    kind = "i" if signed else "u"
    return values.astype(f"{kind}{1 if bits <= 8 else 2}")


TABLES: list[tuple[str, Pixels, int, dict[str, Any]]] = [
    ("linear", all_values(12), 12, WINDOW),
    ("linear_16_bit", all_values(16), 16, {"WindowCenter": 30000, "WindowWidth": 40001.5}),
    ("linear_8_bit", all_values(8), 8, {"WindowCenter": 100, "WindowWidth": 120}),
    ("exact", all_values(12), 12, {**WINDOW, "VOILUTFunction": "LINEAR_EXACT"}),
    ("sigmoid", all_values(12), 12, {**WINDOW, "VOILUTFunction": "SIGMOID"}),
    ("signed", all_values(12, signed=True), 12, {"WindowCenter": -40, "WindowWidth": 2500}),
    (
        "rescaled",
        all_values(12),
        12,
        {"RescaleSlope": 2.5, "RescaleIntercept": -1024, "WindowCenter": 4000, "WindowWidth": 6000},
    ),
    (
        "falling",
        all_values(12),
        12,
        {"RescaleSlope": -1, "RescaleIntercept": 4095, **WINDOW},
    ),
    (
        "modality_lut",
        all_values(10),
        10,
        {
            "ModalityLUTSequence": [lut_item(100, [80 * i * i // 800 for i in range(800)], 16)],
            "WindowCenter": 30000,
            "WindowWidth": 40000,
        },
    ),
    (
        "voi_lut",
        all_values(12),
        12,
        {"VOILUTSequence": [lut_item(300, [isqrt(i * 4095**2 // 2999) for i in range(3000)], 12)]},
    ),
    (
        "voi_lut_before_window",
        all_values(12),
        12,
        {"VOILUTSequence": [lut_item(0, [min(i, 3000) for i in range(4096)], 12)], **WINDOW},
    ),
]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("name", "stored", "bits", "tags"), TABLES, ids=[t[0] for t in TABLES])
def test_tables_equal_pydicom_for_every_stored_value(
    name: str, stored: Pixels, bits: int, tags: dict[str, Any], photometric: str
) -> None:
    file = dicom_file(stored, bits=bits, photometric=photometric, **tags)
    assert np.abs(grey(file) - by_pydicom(file)).max() <= 1


@settings(max_examples=60)
@given(
    st.floats(-500, 5000),
    st.floats(1, 9000),
    st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_any_usable_window_equals_pydicom(center: float, width: float, function: str) -> None:
    tags = {"WindowCenter": round(center, 3), "WindowWidth": round(width, 3)}
    file = dicom_file(all_values(12), bits=12, VOILUTFunction=function, **tags)
    steps = normalise(file, AS_IS).steps
    assume("unusable" not in steps)
    assert steps.endswith(f"window {function.lower()}")
    assert np.abs(grey(file) - by_pydicom(file)).max() <= 1


@pytest.mark.parametrize("kind", ["OW", "OB", "US"])
@pytest.mark.parametrize("first", [-1024, 2**16 - 1024])
def test_voi_lut_of_negative_values(kind: str, first: int) -> None:
    """However the table is written, and whatever sign its writer gave the first input."""
    entries = [isqrt(i * 255**2 // 2047) for i in range(2048)]
    item = lut_item(0, entries, 8, kind)
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [2048, first, 8])
    tags = {"RescaleSlope": 2, "RescaleIntercept": -2048, "VOILUTSequence": [item]}
    stored = all_values(12) // 2
    index = np.clip(stored.astype(int) * 2 - 2048 + 1024, 0, 2047)
    shown = grey(dicom_file(stored, bits=12, **tags))
    assert np.array_equal(shown, np.array(entries)[index])


def test_first_of_several_windows_is_taken() -> None:
    several = dicom_file(TWELVE, bits=12, WindowCenter=[2000, 100], WindowWidth=[3000, 50])
    assert np.array_equal(grey(several), grey(dicom_file(TWELVE, bits=12, **WINDOW)))


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"WindowCenter": 2000, "WindowWidth": 3000},
        {"RescaleSlope": 2, "RescaleIntercept": -7, "WindowCenter": 3993, "WindowWidth": 6000},
        {"WindowCenter": 60000, "WindowWidth": 3},
    ],
)
def test_both_photometric_interpretations_show_the_same_picture(tags: dict[str, Any]) -> None:
    """The same picture stored upside down, with the window mirrored, comes out the same."""
    mirrored = dict(tags)
    if tags:
        slope, shift = tags.get("RescaleSlope", 1), tags.get("RescaleIntercept", 0)
        # LINEAR puts the middle of the window half a unit below the center.
        mirrored["WindowCenter"] = 4095 * slope + 2 * shift - tags["WindowCenter"] + 1
    plain = grey(dicom_file(TWELVE, bits=12, **tags))
    inverted = grey(dicom_file(4095 - TWELVE, bits=12, photometric="MONOCHROME1", **mirrored))
    assert np.abs(plain - inverted).max() <= 1
    assert plain[0, 0] == 0 and plain[-1, -1] == 255  # and not both upside down


STORED = {
    "implicit": (ImplicitVRLittleEndian, "uncompressed"),
    "explicit": (ExplicitVRLittleEndian, "uncompressed"),
    "big_endian": (ExplicitVRBigEndian, "big_endian"),
    "deflated": (DeflatedExplicitVRLittleEndian, "deflated"),
    "jpeg2000_lossless": (JPEG2000Lossless, "jpeg2000"),
    "rle": (RLELossless, "rle"),
}


def stored_as(stored: Pixels, syntax: UID, **tags: Any) -> bytes:
    if syntax == JPEG2000Lossless:
        coded = encode(stored, "JPEG2000", irreversible=False, no_jp2=True)
        return dicom_file(stored, syntax=syntax, coded=coded, **tags)
    if syntax == RLELossless:
        dataset = dcmread(io.BytesIO(dicom_file(stored, **tags)))
        dataset.compress(RLELossless, encoding_plugin="pydicom")
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        return buffer.getvalue()
    return dicom_file(stored, syntax=syntax, **tags)


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_transfer_syntaxes_give_one_picture(kind: str, photometric: str, bits: int) -> None:
    syntax, word = STORED[kind]
    stored = ramp(61, 91, 2**bits - 1).astype(np.uint8 if bits == 8 else np.uint16)
    tags = {"WindowCenter": 2**bits * 0.45, "WindowWidth": 2**bits * 0.7}
    file = stored_as(stored, syntax, bits=bits, photometric=photometric, **tags)
    picture = normalise(file, AS_IS)
    assert picture.steps == f"dicom {word} {photometric.lower()} window linear"
    assert (picture.source_width, picture.source_height) == (91, 61)
    reference = by_pydicom(dicom_file(stored, bits=bits, photometric=photometric, **tags))
    assert np.abs(pixels_of(picture) - reference).max() <= 1


def test_lossy_codecs_stay_near_the_picture() -> None:
    jpeg = dicom_file(EIGHT, syntax=JPEGBaseline8Bit, coded=encode(EIGHT, "JPEG", quality=95))
    coded = encode(TWELVE, "JPEG2000", irreversible=True, no_jp2=True, quality_layers=[10])
    jpeg2000 = dicom_file(TWELVE, bits=12, syntax=JPEG2000, coded=coded, **WINDOW)
    assert np.abs(grey(jpeg) - EIGHT).max() <= 4
    assert np.abs(grey(jpeg2000) - grey(dicom_file(TWELVE, bits=12, **WINDOW))).max() <= 4
    assert normalise(jpeg, AS_IS).steps == "dicom jpeg_baseline monochrome2 full_range"


def test_signed_jpeg2000() -> None:
    signed = TWELVE.astype(np.int16) - 2048
    tags = {"bits": 16, "WindowCenter": 0, "WindowWidth": 3000}
    # Pillow codes unsigned samples only: the codestream holds the two's complement.
    coded = encode(signed.view(np.uint16), "JPEG2000", irreversible=False, no_jp2=True)
    file = dicom_file(signed, syntax=JPEG2000Lossless, coded=coded, **tags)
    assert np.array_equal(grey(file), grey(dicom_file(signed, **tags)))


def test_bits_above_those_stored_do_not_count() -> None:
    clean = dicom_file(TWELVE, bits=12, **WINDOW)
    overlay = TWELVE | np.where(np.arange(90) % 2, 0xF000, 0).astype(np.uint16)
    assert np.array_equal(grey(dicom_file(overlay, bits=12, **WINDOW)), grey(clean))
    shifted = dicom_file((TWELVE << 4) + 5, bits=12, HighBit=15, **WINDOW)
    assert np.array_equal(grey(shifted), grey(clean))


def test_missing_high_bit_and_photometric_are_filled_in() -> None:
    bare = dicom_file(TWELVE, bits=12, HighBit=None, PhotometricInterpretation=None, **WINDOW)
    assert np.array_equal(grey(bare), grey(dicom_file(TWELVE, bits=12, **WINDOW)))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("value", [0, 4095])
def test_padding_is_black_and_leaves_the_rest_alone(photometric: str, value: int) -> None:
    inner = 1000 + TWELVE // 4
    padded = inner.copy()
    padded[:, :40] = value
    plain = grey(dicom_file(inner[:, 40:], bits=12, photometric=photometric))
    shown = grey(dicom_file(padded, bits=12, photometric=photometric, PixelPaddingValue=value))
    assert (shown[:, :40] == 0).all()
    assert np.array_equal(shown[:, 40:], plain)


def test_padding_range_and_signed_padding() -> None:
    stored = TWELVE.astype(np.int16) - 500
    stored[:10] = -2000
    stored[10:20] = -1990
    tags = {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1990}
    shown = grey(dicom_file(stored, bits=16, **tags))
    assert (shown[:20] == 0).all()
    assert np.array_equal(shown[20:], grey(dicom_file(stored[20:], bits=16)))


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"WindowCenter": 60000, "WindowWidth": 100},  # all black
        {"WindowCenter": -60000, "WindowWidth": 100},  # all white
        {"WindowCenter": 2000, "WindowWidth": 1},  # two greys
        {"WindowCenter": 2000, "WindowWidth": 0},  # forbidden
        {"WindowCenter": 2000, "WindowWidth": 900000},  # all one grey
        {"WindowCenter": "", "WindowWidth": ""},
        {"VOILUTSequence": [lut_item(0, [0] * 4096, 12)]},
    ],
)
def test_without_a_usable_window_the_picture_is_stretched(tags: dict[str, Any]) -> None:
    dim = (1000 + TWELVE // 8).astype(np.uint16)
    dim[0, 0] = 4095  # a dead pixel takes no grey from the rest
    picture = normalise(dicom_file(dim, bits=12, **tags), AS_IS)
    shown = pixels_of(picture).astype(int)
    assert picture.steps.endswith("percentile")
    low, high = np.quantile(dim, [0.005, 0.995])
    assert np.abs(shown - np.clip((dim - low) / (high - low), 0, 1) * 255).max() <= 2


def test_an_unusable_voi_lut_leaves_the_window() -> None:
    empty = {"VOILUTSequence": [lut_item(0, [0] * 4096, 12)]}
    picture = normalise(dicom_file(TWELVE, bits=12, **empty, **WINDOW), AS_IS)
    assert picture.steps.endswith("voi_lut_unusable window linear")
    assert np.array_equal(pixels_of(picture), grey(dicom_file(TWELVE, bits=12, **WINDOW)))


def test_a_window_that_is_no_number_is_passed_over() -> None:
    file = dicom_file(TWELVE, bits=12, **WINDOW).replace(b"2000", b"20,0")
    picture = normalise(file, AS_IS)
    assert picture.steps.endswith("window_unusable percentile")
    assert np.array_equal(pixels_of(picture), grey(dicom_file(TWELVE, bits=12)))


def test_large_pictures_are_stretched_by_a_sample_of_their_pixels() -> None:
    noise = np.random.default_rng(0).integers(0, 300, (1300, 1700))
    large = (1000 + ramp(1300, 1700, 2000) + noise).astype(np.uint16)
    low, high = np.quantile(large, [0.005, 0.995])
    expected = np.clip((large - low) / (high - low), 0, 1) * 255
    assert np.abs(grey(dicom_file(large, bits=12)) - expected).max() <= 2


def test_boxed_jpeg2000_is_read() -> None:
    boxed = encode(TWELVE, "JPEG2000", irreversible=False)
    file = dicom_file(TWELVE, bits=12, syntax=JPEG2000Lossless, coded=boxed, **WINDOW)
    assert np.array_equal(grey(file), grey(dicom_file(TWELVE, bits=12, **WINDOW)))


def test_eight_bits_without_window_stay_as_they_are() -> None:
    dim = EIGHT // 3 + 20
    assert np.array_equal(grey(dicom_file(dim)), dim)


@pytest.mark.parametrize("value", [0, 700, 4095])
def test_a_picture_of_one_value_is_read(value: int) -> None:
    assert (grey(dicom_file(np.full((40, 50), value, np.uint16), bits=12)) == 0).all()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_eight_bits_in_sixteen_stay_as_they_are(syntax: UID) -> None:
    assert np.array_equal(grey(stored_as(EIGHT.astype(np.uint16), syntax, bits=8)), EIGHT)


def test_unknown_window_function_is_linear() -> None:
    file = dicom_file(TWELVE, bits=12, VOILUTFunction="CUBIC", **WINDOW)
    assert normalise(file, AS_IS).steps.endswith("window linear")
    assert np.array_equal(grey(file), grey(dicom_file(TWELVE, bits=12, **WINDOW)))


def test_colour_becomes_luma() -> None:
    colour = np.stack([EIGHT, EIGHT.T.reshape(60, 90), 255 - EIGHT], axis=-1)
    luma = colour @ [0.299, 0.587, 0.114]
    interleaved = dicom_file(colour, photometric="RGB")
    planar = dicom_file(colour, photometric="RGB", PlanarConfiguration=1)
    assert planar.count(colour.tobytes()) == 1
    planar = planar.replace(colour.tobytes(), np.moveaxis(colour, -1, 0).tobytes())
    jpeg = encode(colour, "JPEG", quality=100, subsampling=0)
    files = {
        "interleaved": interleaved,
        "planar": planar,
        "ybr": dicom_file(colour, photometric="YBR_FULL", syntax=JPEGBaseline8Bit, coded=jpeg),
        "wide": dicom_file(colour.astype(np.uint16) * 16, bits=12, photometric="RGB"),
    }
    for name, file in files.items():
        bound = 30 if name == "ybr" else 1  # the test's colours are harsh for JPEG
        assert np.abs(grey(file) - luma).max() <= bound, name
        assert np.abs(grey(file) - luma).mean() <= 1, name


@pytest.mark.parametrize("bits", [8, 16])
def test_palette_becomes_luma(bits: int) -> None:
    entries = np.arange(256)[:, None] * [1.0, 0.5, 0.25]
    words = (entries * (2**bits - 1) / 255).astype(f"<u{bits // 8}")
    tags: dict[str, Any] = {}
    for index, name in enumerate(("Red", "Green", "Blue")):
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, bits]
        tags[f"{name}PaletteColorLookupTableData"] = words[:, index].tobytes()
    shown = grey(dicom_file(EIGHT, photometric="PALETTE COLOR", **tags))
    assert np.abs(shown - (entries @ [0.299, 0.587, 0.114])[EIGHT]).max() <= 1


def _bare(file: bytes) -> bytes:
    """The data set alone, without preamble and file meta group."""
    dataset = dcmread(io.BytesIO(file))
    plain = Dataset()
    plain.update(dataset)
    buffer = io.BytesIO()
    plain.save_as(buffer, implicit_vr=True, little_endian=True, enforce_file_format=False)
    return buffer.getvalue()


def test_files_without_preamble_are_read() -> None:
    file = dicom_file(TWELVE, bits=12, **WINDOW)
    for bare in (_bare(file), file[132:]):
        assert b"DICM" not in bare
        assert np.array_equal(grey(bare), grey(file))


def _edited(**changes: Any) -> bytes:
    return dicom_file(TWELVE, bits=12, **changes)


def _without_pixels() -> bytes:
    dataset = dcmread(io.BytesIO(_edited()))
    del dataset.PixelData
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


BAD: list[tuple[str, bytes]] = [
    ("no_pixel_data", _without_pixels()),
    ("multi_frame", _edited(NumberOfFrames=2)),
    ("truncated_image", _edited()[:-100]),
    ("truncated_image", _edited(Rows=61)),
    ("truncated_image", stored_as(EIGHT, RLELossless)[:-200]),
    ("truncated_image", _edited(syntax=DeflatedExplicitVRLittleEndian)[:-40]),
    ("oversized_image", _edited(Rows=65000, Columns=65000)),
    ("invalid_header", _edited(Rows=0)),
    ("invalid_header", _edited(Rows=None)),
    ("invalid_header", _edited(BitsStored=20)),
    ("unsupported_bit_depth", _edited(BitsAllocated=32)),
    ("unsupported_photometric", _edited(PhotometricInterpretation="HSV")),
    ("unsupported_photometric", _edited(SamplesPerPixel=4)),
    ("unsupported_transfer_syntax", _edited(syntax=MPEG2MPML, coded=b"\x00\x00\x01\xb3")),
    ("undecodable_image", _edited(syntax=JPEGLosslessSV1, coded=b"\xff\xd8\xff\xd9")),
    ("unsupported_transfer_syntax", _edited(syntax=UID("1.2.3.4.5"), coded=b"none")),
    ("undecodable_image", _edited(syntax=JPEG2000Lossless, coded=b"nothing to see")),
    (
        "invalid_header",  # the codestream is larger than the header admits
        dicom_file(EIGHT[:30], syntax=JPEGBaseline8Bit, coded=encode(EIGHT, "JPEG")),
    ),
    (
        "invalid_header",
        dicom_file(
            EIGHT[:30],
            syntax=JPEG2000Lossless,
            coded=encode(EIGHT, "JPEG2000", no_jp2=True),
        ),
    ),
    ("invalid_header", _edited(RescaleSlope=2).replace(b"DS\x04\x002.0 ", b"DS\x04\x00two ")),
]


@pytest.mark.parametrize(("expected", "file"), BAD, ids=[f"{i}_{b[0]}" for i, b in enumerate(BAD)])
def test_bad_files_have_their_reason(expected: str, file: bytes) -> None:
    assert reason(file) == expected


def test_deflate_bombs_are_not_inflated() -> None:
    small = dicom_file(EIGHT, syntax=DeflatedExplicitVRLittleEndian)
    meta = small[: dcmread(io.BytesIO(small)).file_meta.FileMetaInformationGroupLength + 144]
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = squeeze.compress(b"\0" * 2**24) + squeeze.flush(zlib.Z_FULL_FLUSH)
    assert reason(meta + block * 30) == "oversized_image"
