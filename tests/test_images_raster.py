"""PNG, JPEG and the like: sizes, greys, what is written, and what is refused."""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
import zlib
from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images_support import FULL, Pixels, dicom_file, encode, pixels_of, ramp
from PIL import Image, PngImagePlugin
from pydantic import ValidationError
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from chexinstruct.headers import header_size
from chexinstruct.images import BadImage, ImageSettings, Told, normalise

AS_IS = ImageSettings(size=FULL, format="png")
GREY = ramp(61, 91, 255).astype(np.uint8)


def grey(file: bytes, settings: ImageSettings = AS_IS) -> Pixels:
    return pixels_of(normalise(file, settings)).astype(int)


def as_mode(mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(GREY.astype(np.uint16) * 257)
    return Image.fromarray(GREY).convert(mode)


KINDS: list[tuple[str, str, dict[str, Any]]] = [
    *[("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")],
    *[("JPEG", mode, {"quality": 95}) for mode in ("L", "RGB", "CMYK")],
    ("JPEG", "L", {"quality": 95, "progressive": True}),
    ("JPEG", "RGB", {"quality": 95, "keep_rgb": True}),
    *[("JPEG2000", mode, {"irreversible": False}) for mode in ("L", "LA", "RGB", "RGBA", "I;16")],
    ("JPEG2000", "L", {"irreversible": False, "no_jp2": True}),
    *[("WEBP", mode, {"lossless": True}) for mode in ("RGB", "RGBA")],
    *[("BMP", mode, {}) for mode in ("1", "L", "P", "RGB")],
]


@pytest.mark.parametrize(
    ("kind", "mode", "options"), KINDS, ids=["-".join([k, m, *o]) for k, m, o in KINDS]
)
@pytest.mark.parametrize("size", [32, FULL])
@pytest.mark.parametrize("out", ["jpeg", "png"])
def test_every_mode_is_read(
    kind: str, mode: str, options: dict[str, Any], size: int, out: Any
) -> None:
    file = encode(as_mode(mode), kind, **options)
    picture = normalise(file, ImageSettings(size=size, format=out))
    assert (picture.source_width, picture.source_height) == (91, 61)
    assert (picture.width, picture.height) == ((48, 32) if size == 32 else (91, 61))
    assert picture.sha256 == hashlib.sha256(picture.data).hexdigest()
    assert picture.steps.startswith(f"{kind.lower()} ")
    expected = as_mode("L") if mode != "1" else as_mode("1").convert("L")
    if size == 32:
        expected = expected.resize((48, 32), Image.Resampling.LANCZOS)
    # Most of all JPEG and dithering: neither may shift the greys as a whole.
    difference = pixels_of(picture) - np.asarray(expected, dtype=int)
    assert abs(difference.mean()) < 1
    if mode != "1":
        assert np.abs(difference).max() <= 12


def test_eight_bit_greys_are_not_touched() -> None:
    dim = GREY // 4 + 30
    assert np.array_equal(grey(encode(dim, "PNG")), dim)
    colour = np.stack([dim] * 3, axis=-1)
    assert np.array_equal(grey(encode(colour, "PNG")), dim)


@pytest.mark.parametrize("bits", [10, 12, 15, 16])
def test_sixteen_bit_png_is_shown_like_the_dicom_it_came_from(bits: int) -> None:
    stored = (ramp(61, 91, 2**bits - 1) * 0.8 + 20).astype(np.uint16)
    shown = grey(encode(stored, "PNG"))
    assert shown.min() == 0 and shown.max() == 255
    assert 110 < np.median(shown) < 145
    assert np.array_equal(shown, grey(dicom_file(stored, bits=bits)))


def test_eight_bits_in_a_sixteen_bit_png_stay_as_they_are() -> None:
    dim = GREY // 4 + 30
    picture = normalise(encode(dim.astype(np.uint16), "PNG"), AS_IS)
    assert np.array_equal(pixels_of(picture), dim)
    assert picture.steps == "png I;16 8_bits_used"


def test_a_told_window_is_that_of_a_dicom_file() -> None:
    stored = ramp(61, 91, 4095).astype(np.uint16)
    file = encode(stored, "PNG")
    for center, width in ((2000, 3000), (1000.5, 812.25)):
        picture = normalise(file, AS_IS, Told((center, width)))
        same = dicom_file(stored, bits=12, WindowCenter=center, WindowWidth=width)
        assert np.array_equal(pixels_of(picture), grey(same))
        assert picture.steps == "png I;16 window linear"


@pytest.mark.parametrize(
    "window", [(60000, 100), (-5, 20), (2000, 1), (2000, 0), (2000, -3), (2000, 900000), (nan, 9)]
)
def test_a_told_window_that_shows_nothing_is_passed_over(window: tuple[float, float]) -> None:
    file = encode(ramp(61, 91, 4095).astype(np.uint16), "PNG")
    picture = normalise(file, AS_IS, Told(window))
    assert picture.data == normalise(file, AS_IS).data
    assert picture.steps == "png I;16 window_unusable percentile"


def test_a_told_inversion_comes_after_the_window() -> None:
    deep = encode(ramp(61, 91, 4095).astype(np.uint16), "PNG")
    for window in ((1000, 800), None):
        upright = normalise(deep, AS_IS, Told(window))
        inverted = normalise(deep, AS_IS, Told(window, True))
        assert np.array_equal(pixels_of(inverted), 255 - pixels_of(upright))
        assert inverted.steps == f"{upright.steps} inverted"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [32, FULL])
def test_a_picture_of_8_bits_is_only_inverted(kind: str, size: int) -> None:
    wanted = ImageSettings(size=size, format="png")
    colour = np.stack([GREY, GREY // 2, 255 - GREY], axis=-1)
    for pixels in (GREY, colour):
        file = encode(pixels, kind)
        upright = pixels_of(normalise(file, wanted)).astype(int)
        told = normalise(file, wanted, Told((20, 30), True))
        assert np.abs(pixels_of(told) + upright - 255).max() <= 1  # scaling rounds
        assert "window" not in told.steps


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_dicom_file_is_believed_before_the_table(photometric: str) -> None:
    stored = ramp(61, 91, 4095).astype(np.uint16)
    tags = {"WindowCenter": 2000, "WindowWidth": 3000}
    file = dicom_file(stored, bits=12, photometric=photometric, **tags)
    assert normalise(file, AS_IS, Told((100, 50), True)) == normalise(file, AS_IS)


def test_transparency_does_not_hide_pixels() -> None:
    clear = Image.merge("LA", [Image.fromarray(GREY), Image.new("L", (91, 61), 0)])
    assert np.array_equal(grey(encode(clear, "PNG")), GREY)
    indexed = Image.fromarray(GREY).convert("P")
    file = encode(indexed, "PNG", transparency=bytes(range(256)))
    assert np.array_equal(grey(file), GREY)


def test_orientation_tag_is_not_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    picture = normalise(encode(GREY, "JPEG", exif=exif.tobytes()), AS_IS)
    assert (picture.width, picture.height) == (91, 61)


def test_nothing_of_the_original_but_pixels_is_written() -> None:
    note = PngImagePlugin.PngInfo()
    note.add_text("Patient", "Doe^Jane")
    plain = Image.fromarray(GREY)
    files = [
        encode(plain, "PNG", pnginfo=note, icc_profile=b"Doe^Jane", dpi=(300, 300)),
        encode(plain, "PNG", transparency=7),
        encode(plain, "JPEG", comment=b"Doe^Jane", icc_profile=b"Doe^Jane", quality=100),
    ]
    bare = [encode(plain, "PNG"), encode(plain, "PNG"), encode(plain, "JPEG", quality=100)]
    for out in ("jpeg", "png"):
        settings = ImageSettings(format=out)
        for file, same in zip(files, bare, strict=True):
            assert normalise(file, settings).data == normalise(same, settings).data


@pytest.mark.parametrize("out", ["jpeg", "png"])
def test_same_bytes_each_time(out: Any) -> None:
    file = encode(np.asarray(Image.fromarray(GREY).resize((700, 500))), "JPEG", quality=95)
    settings = ImageSettings(size=100, format=out)
    assert normalise(file, settings) == normalise(file, settings)


def test_scaling_is_close_to_a_full_lanczos() -> None:
    """JPEG decoded at a fraction of its size and the reducing gap cost little: 45 dB and more."""
    noise = np.random.default_rng(0).normal(0, 12, (1200, 900))
    large = np.clip(ramp(1200, 900, 255) * 0.7 + 30 + noise, 0, 255).astype(np.uint8)
    for kind in ("PNG", "JPEG"):
        file = encode(large, kind, **({"quality": 95} if kind == "JPEG" else {}))
        decoded = Image.open(io.BytesIO(file))
        full = decoded.resize((100, 133), Image.Resampling.LANCZOS, box=(0, 0, 900, 1200))
        shown = grey(file, ImageSettings(size=100, format="png"))
        error = np.mean((shown - np.asarray(full, dtype=float)) ** 2)
        assert 10 * np.log10(255**2 / error) > 45


def by_area(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Means of the areas under the new pixels, in floating point."""

    def weights(old: int, new: int) -> np.ndarray:
        edges, left = np.arange(new + 1) * old / new, np.arange(old)
        inside = np.minimum(edges[1:, None], left + 1) - np.maximum(edges[:-1, None], left)
        return np.clip(inside, 0, None) * new / old

    return weights(pixels.shape[0], height) @ pixels @ weights(pixels.shape[1], width).T


@pytest.mark.parametrize(
    ("width", "height", "least"), [(300, 600, 54), (300, 450, 54), (750, 610, 42), (340, 457, 42)]
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_area_averages_the_pixels_under_each_new_one(
    kind: str, width: int, height: int, least: int
) -> None:
    """On noise, where filters differ most; exact to the rounding where the sides are multiples."""
    noise = np.random.default_rng(0).normal(0, 12, (height, width))
    large = np.clip(ramp(height, width, 255) * 0.7 + 30 + noise, 0, 255).astype(np.uint8)
    file = encode(large, kind, **({"quality": 100} if kind == "JPEG" else {}))
    shown = grey(file, ImageSettings(size=100, format="png", filter="area"))
    error = np.mean((shown - by_area(large, *shown.shape[::-1])) ** 2)
    assert 10 * np.log10(255**2 / error) > least


def test_quality_is_that_asked_for() -> None:
    file = encode(GREY, "PNG")
    sizes = [len(normalise(file, ImageSettings(quality=q)).data) for q in (50, 95)]
    assert sizes[0] < sizes[1]
    assert ImageSettings() == ImageSettings(size=512, format="jpeg", quality=95, filter="lanczos")


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 31},
        {"size": 4097},
        {"quality": 0},
        {"format": "gif"},
        {"filter": "box"},
        {"seize": 512},
    ],
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ImageSettings(**wrong)


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header promises more than its few bytes hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        length, body = struct.pack(">I", len(body)), kind + body
        return length + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


PNG, JPEG = encode(GREY, "PNG"), encode(GREY, "JPEG", quality=95)
FRAMES = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]


BAD = [
    ("empty_file", b""),
    ("not_an_image", b"\0"),
    ("not_an_image", b"Image Index,Finding Labels\n" * 20),
    ("not_an_image", b"<html>404: not found</html>"),
    ("not_an_image", b"\0" * 5000),
    ("unsupported_format", encode(GREY, "TIFF")),
    ("unsupported_format", encode(GREY, "GIF")),
    ("truncated_image", PNG[: len(PNG) // 2]),
    ("truncated_image", JPEG[: len(JPEG) // 2]),
    ("truncated_image", PNG[:20]),
    ("undecodable_image", JPEG[:100] + b"\xff" * 500),
    ("oversized_image", huge_png(30_000, 30_000)),
    ("oversized_image", huge_png(12_000, 12_000)),
    ("oversized_image", huge_png(70_000, 2)),
    ("multi_frame", encode(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:])),
    ("multi_frame", encode(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:])),
]


@pytest.mark.parametrize(("reason", "file"), BAD, ids=[f"{i}_{b[0]}" for i, b in enumerate(BAD)])
def test_bad_files_have_their_reason(reason: str, file: bytes) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(BadImage) as caught:
        normalise(file, AS_IS)
    assert caught.value.reason == reason
    assert len(str(caught.value).splitlines()) == 1
    assert limit == Image.MAX_IMAGE_PIXELS


def test_errors_pass_between_processes() -> None:
    error = BadImage("empty_file", "the file is empty")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.reason, str(copy)) == ("empty_file", "the file is empty")


def test_header_size_reads_png_and_jpeg_only() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for file in (
        PNG,
        JPEG,
        encode(GREY, "JPEG", progressive=True, exif=exif.tobytes(), comment=b"x" * 60_000),
        encode(as_mode("CMYK"), "JPEG"),
    ):
        assert header_size(file) == (91, 61)
        assert header_size(io.BytesIO(file)) == (91, 61)
    others = (b"", PNG[:20], JPEG[:80], b"\xff\xd8\xff", encode(GREY, "BMP"), dicom_file(GREY))
    for other in others:
        assert header_size(other) is None


def test_header_size_reads_no_further_than_the_header() -> None:
    stream = io.BytesIO(JPEG + b"\0" * 100_000)
    header_size(stream)
    assert stream.tell() < 700


def _valid_files() -> list[bytes]:
    small = GREY[:40, :48]
    deep = small.astype(np.uint16) * 16
    lossless = {"irreversible": False, "no_jp2": True}
    window = {"WindowCenter": 2000, "WindowWidth": 3000}
    return [
        encode(small, "PNG"),
        encode(deep, "PNG"),
        encode(Image.fromarray(small).convert("P"), "PNG"),
        encode(small, "JPEG"),
        encode(small, "JPEG", progressive=True),
        encode(small, "JPEG2000", **lossless),
        encode(small, "WEBP"),
        encode(small, "BMP"),
        dicom_file(deep, bits=12, **window),
        dicom_file(deep, bits=12)[132:],
        dicom_file(small, syntax=JPEGBaseline8Bit, coded=encode(small, "JPEG")),
        dicom_file(deep, syntax=JPEG2000Lossless, coded=encode(deep, "JPEG2000", **lossless)),
        dicom_file(deep, syntax=RLELossless, coded=b"\1\0\0\0\x40" + b"\0" * 60),
    ]


VALID = _valid_files()


@settings(max_examples=400)
@given(st.data())
def test_damaged_files_raise_nothing_but_bad_image(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(VALID), "file"))
    for _ in range(data.draw(st.integers(0, 4), "edits")):
        place = data.draw(st.integers(0, len(file) - 1), "place")
        file[place] = data.draw(st.integers(0, 255), "byte")
    end = data.draw(st.one_of(st.just(len(file)), st.integers(0, len(file))), "end")
    try:
        picture = normalise(bytes(file[:end]), ImageSettings(size=32))
    except BadImage as error:
        assert "\n" not in str(error)
    else:
        assert pixels_of(picture).size > 0


@settings(max_examples=200)
@given(st.binary(max_size=300), st.sampled_from([b"", *[file[:60] for file in VALID]]))
def test_any_bytes_raise_nothing_but_bad_image(tail: bytes, head: bytes) -> None:
    with pytest.raises(BadImage):
        normalise(head + tail, AS_IS)
    header_size(head + tail)
