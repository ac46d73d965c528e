"""Compressed DICOM pixel data: the codes come back as they went in, damage never crashes."""

from __future__ import annotations

import io
import random

import imagecodecs
import numpy as np
import pytest
from images_support import Pixels, dicom_file, encode, pixels_of, ramp
from pydicom import dcmread
from pydicom.encaps import get_frame
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from chexinstruct import synthetic
from chexinstruct.images import BadImage, ImageSettings, normalise
from chexinstruct.images.codecs import CODECS, decode

SMALL = ImageSettings(size=32)
NEAR = 2


def noisy(bits: int) -> Pixels:
    """A ramp over the full range with noise, so that no predictor guesses all of it."""
    noise = np.random.default_rng(bits).integers(-9, 10, (37, 53))
    smooth = np.clip(ramp(37, 53, 2**bits - 1) + noise, 0, 2**bits - 1)
    return smooth.astype(np.uint8 if bits == 8 else np.uint16)


def coded(frame: Pixels, syntax: UID, bits: int, **options: int) -> bytes:
    """The frame as a stream of the transfer syntax."""
    match syntax:
        case _ if syntax == JPEGBaseline8Bit:
            return encode(frame, "JPEG", quality=98)
        case _ if syntax == JPEGExtended12Bit:
            return bytes(imagecodecs.jpeg8_encode(frame, level=98, bitspersample=bits))
        case _ if syntax in (JPEGLossless, JPEGLosslessSV1):
            options = {"predictor": 1, **options}
            stream = imagecodecs.jpeg8_encode(frame, lossless=True, bitspersample=bits, **options)
            return bytes(stream)
        case _ if syntax == JPEGLSLossless:
            return bytes(imagecodecs.jpegls_encode(frame))
        case _ if syntax == JPEGLSNearLossless:
            return bytes(imagecodecs.jpegls_encode(frame, level=NEAR))
        case _ if syntax in (JPEG2000, JPEG2000Lossless):
            return encode(frame, "JPEG2000", irreversible=False, no_jp2=True)
        case _ if syntax == RLELossless:
            dataset = dcmread(io.BytesIO(dicom_file(frame)))
            dataset.compress(RLELossless, encoding_plugin="pydicom")
            return get_frame(dataset.PixelData, 0, number_of_frames=1)
    return bytes(imagecodecs.htj2k_encode(frame))


def decoded(frame: Pixels, syntax: UID, bits: int, stream: bytes) -> Pixels:
    file = dicom_file(frame, bits=bits, syntax=syntax, coded=stream)
    rows, columns = frame.shape
    return decode(dcmread(io.BytesIO(file)), syntax, (columns, rows), raw=True)


LOSSLESS = [
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    HTJ2K,
    RLELossless,
]


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.keyword)
def test_lossless_codes_come_back_bit_by_bit(syntax: UID, bits: int) -> None:
    frame = noisy(bits)
    codes = decoded(frame, syntax, bits, coded(frame, syntax, bits))
    assert codes.dtype == frame.dtype
    assert np.array_equal(codes, frame)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_every_predictor_of_process_14_is_read(predictor: int, bits: int) -> None:
    frame = noisy(bits)
    stream = coded(frame, JPEGLossless, bits, predictor=predictor)
    assert np.array_equal(decoded(frame, JPEGLossless, bits, stream), frame)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_lossless_of_another_encoder(bits: int) -> None:
    """By liblj92, which shares nothing with the decoder."""
    frame = noisy(bits)
    stream = bytes(imagecodecs.ljpeg_encode(frame, bitspersample=bits))
    assert np.array_equal(decoded(frame, JPEGLossless, bits, stream), frame)


def test_the_example_of_the_jpeg_ls_standard() -> None:
    """Picture and stream of ITU-T T.87 H.3."""
    frame = np.array(
        [[0, 0, 90, 74], [68, 50, 43, 205], [64, 145, 145, 145], [100, 145, 145, 145]], np.uint8
    )
    stream = bytes.fromhex(
        "ffd8 fff7000b080004000401011100 ffda0008010100000000"
        "c000006c80208e01c0000057400000 6ee6000001bc18000005d800009160 ffd9"
    )
    assert np.array_equal(decoded(frame, JPEGLSLossless, 8, stream), frame)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_near_lossless_codes_are_as_near_as_promised(bits: int) -> None:
    frame = noisy(bits)
    codes = decoded(frame, JPEGLSNearLossless, bits, coded(frame, JPEGLSNearLossless, bits))
    assert 0 < np.abs(codes.astype(int) - frame).max() <= NEAR


def test_extended_jpeg_of_8_and_12_bits() -> None:
    eight, twelve = noisy(8), noisy(12)
    stream = coded(eight, JPEGExtended12Bit, 8)
    baseline = decoded(eight, JPEGBaseline8Bit, 8, stream)  # by Pillow
    assert np.array_equal(decoded(eight, JPEGExtended12Bit, 8, stream), baseline)
    codes = decoded(twelve, JPEGExtended12Bit, 12, coded(twelve, JPEGExtended12Bit, 12))
    assert np.abs(codes.astype(int) - twelve).max() <= 8


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless], ids=lambda uid: uid.keyword)
@pytest.mark.parametrize("precision", [12, 16])
def test_signed_codes_of_either_precision(syntax: UID, precision: int) -> None:
    """Encoders write 12-bit two's complement, or the whole 16-bit word."""
    signed = noisy(12).astype(np.int16) - 2048
    words = signed.view(np.uint16) & (2**precision - 1)
    # The padding value is the least of all: a sign that is lost would not be black.
    tags = {"WindowCenter": 0, "WindowWidth": 3000, "PixelPaddingValue": -2048}
    if syntax == JPEGLSLossless and precision == 12:
        words[0, 0] = 0xFFF  # imagecodecs takes the precision from the greatest code
        signed[0, 0] = -1
    file = dicom_file(signed, bits=12, syntax=syntax, coded=coded(words, syntax, precision), **tags)
    plain = dicom_file(signed, bits=12, **tags)
    shown = [pixels_of(normalise(f, ImageSettings(format="png"))) for f in (file, plain)]
    assert np.array_equal(*shown)


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless], ids=lambda uid: uid.keyword)
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colours_are_those_of_the_dicom_header(syntax: UID, photometric: str) -> None:
    grey = noisy(8)
    colour = np.stack([grey, grey[::-1], 255 - grey], axis=-1)
    if syntax == JPEGLSLossless:
        stream = bytes(imagecodecs.jpegls_encode(colour))
    else:
        spaces = {"colorspace": "RGB", "outcolorspace": "RGB"}
        stream = bytes(imagecodecs.jpeg8_encode(colour, lossless=True, predictor=1, **spaces))
    file = dicom_file(colour, photometric=photometric, syntax=syntax, coded=stream)
    shown = pixels_of(normalise(file, ImageSettings(format="png"))).astype(int)
    # The first sample of YBR is the luma, but for colours that RGB does not have.
    luma = colour @ [0.299, 0.587, 0.114] if photometric == "RGB" else grey
    assert np.median(np.abs(shown - luma)) <= 1


@pytest.mark.parametrize("compression", ["jpeg_lossless", "jpeg_ls", "jpeg2000"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_phantoms_of_sample_releases_are_stored_without_loss(compression: str, bits: int) -> None:
    pixels = synthetic.radiograph(60, 80, 1)
    files = [
        synthetic.dicom(pixels, "1.2.3", bits=bits, monochrome1=True, compression=kind)
        for kind in (None, compression)
    ]
    plain, packed = (normalise(file, SMALL) for file in files)
    assert packed.data == plain.data
    assert packed.steps == plain.steps.replace("uncompressed", compression)


STREAMS = {
    syntax: (noisy(8), coded(noisy(8), syntax, 8)) for syntax in CODECS if syntax != RLELossless
}


@pytest.mark.parametrize("syntax", STREAMS, ids=lambda uid: uid.keyword)
def test_a_stream_that_is_cut_off_is_refused(syntax: UID) -> None:
    frame, stream = STREAMS[syntax]
    for part in (0.5, 0.9):
        file = dicom_file(frame, syntax=syntax, coded=stream[: int(len(stream) * part)])
        with pytest.raises(BadImage) as caught:
            normalise(file, SMALL)
        assert caught.value.reason in ("truncated_image", "undecodable_image")


@pytest.mark.parametrize("syntax", STREAMS, ids=lambda uid: uid.keyword)
def test_damaged_streams_are_read_or_refused(syntax: UID) -> None:
    """A decoder that crashes or hangs on any of them takes the test with it."""
    frame, stream = STREAMS[syntax]
    chance = random.Random(0)
    reasons = set()
    for _ in range(150):
        damaged = bytearray(stream)
        reach = chance.choice((64, len(stream)))
        for _ in range(chance.choice((1, 2, 8))):
            damaged[chance.randrange(reach)] = chance.choice(
                (0, 1, 0x7F, 0xFF, chance.randrange(256))
            )
        try:
            normalise(dicom_file(frame, syntax=syntax, coded=bytes(damaged)), SMALL)
        except BadImage as error:
            reasons.add(error.reason)
    assert "undecodable_image" in reasons


def test_a_stream_of_another_size_is_not_decoded() -> None:
    """65,535 x 65,535 pixels in a few bytes would take hours, or all memory."""
    for syntax in (JPEGLossless, JPEGLSLossless, JPEGExtended12Bit):
        frame, stream = STREAMS[syntax]
        size = frame.shape[0].to_bytes(2, "big") + frame.shape[1].to_bytes(2, "big")
        assert size in stream
        huge = stream.replace(size, b"\xff\xff\xff\xff", 1)
        with pytest.raises(BadImage) as caught:
            normalise(dicom_file(frame, syntax=syntax, coded=huge), SMALL)
        assert caught.value.reason == "invalid_header"


@pytest.mark.parametrize(
    ("syntax", "other"),
    [
        (JPEGLosslessSV1, JPEGLSLossless),
        (JPEGLSLossless, JPEGLosslessSV1),
        (JPEGExtended12Bit, JPEG2000Lossless),
        (JPEG2000Lossless, JPEGBaseline8Bit),
    ],
)
def test_a_stream_of_another_compression_is_refused(syntax: UID, other: UID) -> None:
    frame, stream = STREAMS[other]
    with pytest.raises(BadImage, match="is not") as caught:
        normalise(dicom_file(frame, syntax=syntax, coded=stream), SMALL)
    assert caught.value.reason == "undecodable_image"


def test_progressive_jpeg_is_not_taken_for_lossless() -> None:
    frame = noisy(8)
    stream = encode(frame, "JPEG", progressive=True)
    with pytest.raises(BadImage, match="is not jpeg_lossless"):
        normalise(dicom_file(frame, syntax=JPEGLosslessSV1, coded=stream), SMALL)
