"""Object-CXR: three kinds of shapes in pixels of pictures whose size the headers tell."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from sample_releases import read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.regions import format_boxes, outline, polygon_area, unit, visible_box
from chexinstruct.schema import Region, Study
from chexinstruct.sources.object_cxr import sample

BAD = {
    ("empty_shape", True): 3,
    ("bad_shape", False): 1,
    ("outside_picture", False): 1,
}

read = partial(read_release, "object_cxr")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """The studies of the publisher's layout."""
    folder = tmp_path_factory.mktemp("release")
    sample.write(folder)
    return read(folder)[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sample.write(tmp_path)
    return tmp_path


def shapes(study: Study) -> list[str]:
    return [region.shape for region in study.regions]


def place(region: Region) -> str:
    box = visible_box(region)
    assert box and region.frame
    return format_boxes([unit(box, region.frame)], "chexagent2")


@pytest.mark.parametrize(
    ("variant", "hidden"),
    [
        ("publisher", {("no_annotations", True): 1, ("unlabelled_picture", True): 2}),
        ("zips", {("unlabelled_picture", True): 2}),
        ("with_test_labels", {}),
    ],
)
def test_layouts_give_train_dev_and_labelled_test_pictures(
    tmp_path: Path, variant: str, hidden: dict[tuple[str, bool], int]
) -> None:
    sample.write(tmp_path, variant)
    found, release = read(tmp_path)
    test = sample.TEST if not hidden else {}
    assert list(found) == [*sample.TRAIN, *sample.DEV, *test]
    for name, study in found.items():
        assert study.people == (f"object_cxr:{name}",)
        part = "train" if name in sample.TRAIN else "validation" if name in sample.DEV else "test"
        assert study.split == part
        (image,) = study.images
        assert image.key == name
        assert (image.path is None) is (name == sample.MISSING)
    assert release.reject_counts == {**BAD, **hidden}
    assert read(tmp_path)[0] == found


def test_size_is_that_of_the_stored_pixels_whatever_exif_says(folder: Path) -> None:
    found, _ = read(folder)
    for name in ("00003", "00005", "08003"):
        case = {**sample.TRAIN, **sample.DEV}[name]
        path = folder / str(found[name].images[0].path)
        with Image.open(path) as picture:
            assert picture.getexif()[0x0112] == case.orientation
        assert (found[name].images[0].width, found[name].images[0].height) == case.size
        assert {region.frame for region in found[name].regions} == {case.size}


def test_rectangle_ellipse_and_polygon_are_told_apart(studies: dict[str, Study]) -> None:
    (rectangle,) = studies["00002"].regions
    assert (rectangle.shape, rectangle.box) == ("box", (20, 10, 60, 50))
    assert place(rectangle) == "<|box|>(10,10),(30,50)<|/box|>"
    (ellipse,) = studies["00003"].regions
    assert (ellipse.shape, ellipse.box) == ("ellipse", (30, 60, 70, 120))
    assert 0.78 < polygon_area(outline(ellipse)) / (40 * 60) < 0.786
    (polygon,) = studies["00004"].regions
    assert polygon.shape == "polygon"
    assert polygon.rings == (((40, 20), (80, 15), (95, 40), (70, 60), (45, 50)),)
    assert polygon.box == (40, 15, 95, 60)


def test_shapes_stay_in_the_order_of_the_row_and_are_not_merged(studies: dict[str, Study]) -> None:
    study = studies["00005"]
    assert shapes(study) == ["ellipse", "box", "polygon"]
    assert len(study.regions[2].rings[0]) == 4  # the first point, repeated as the last, goes


def test_points_beyond_the_edge_stay_as_released_and_are_cut_when_placed(
    studies: dict[str, Study],
) -> None:
    left, right = studies["00006"].regions
    assert left.box == (-20, 20, 30, 70)
    # The edges from (-20, 40) to (30, 20) and back from (30, 70) cross the left edge.
    assert visible_box(left) == (0, 20, 30, 70)
    assert outline(left) == (((0, 52), (0, 32), (30, 20), (30, 70)),)
    assert visible_box(right) == (180, 10, 200, 50)
    (ellipse,) = studies["00013"].regions
    assert visible_box(ellipse) == pytest.approx((0, 33, 4, 57), abs=0.1)


def test_float_text_and_a_trailing_semicolon_are_tolerated(studies: dict[str, Study]) -> None:
    assert [r.box for r in studies["00007"].regions] == [(20, 10, 60, 50.5)]


@pytest.mark.parametrize("name", ["00001", "00009", "08001"])
def test_blank_means_that_there_is_none(studies: dict[str, Study], name: str) -> None:
    assert [(x.finding, x.state) for x in studies[name].labels] == [("foreign object", "absent")]
    assert studies[name].regions == ()


def test_shape_without_area_goes_and_the_others_stay(studies: dict[str, Study]) -> None:
    assert [r.box for r in studies["00010"].regions] == [(50, 110, 70, 140)]
    # Somebody meant something: the picture is not free of objects.
    assert studies["00011"].regions == ()
    assert studies["00011"].labels[0].state == "present"


@pytest.mark.parametrize("name", ["00012", "00014"])
def test_picture_with_a_shape_that_cannot_be_used_has_none(
    studies: dict[str, Study], name: str
) -> None:
    assert studies[name].regions == ()
    assert studies[name].labels[0].state == "present"


@pytest.mark.parametrize(
    "shape",
    ["0 20 10 60", "0 20 10 60 50 70 80", "1 60 10 20 50", "2 10 10", "4 1 2 3 4", "0 a b c d",
     "0 nan 1 2 3", "1 1 2 inf 3", "0"],
)  # fmt: skip
def test_text_that_is_no_shape_is_rejected_by_row(folder: Path, shape: str) -> None:
    path = folder / "train.csv"
    path.write_text(path.read_text().replace("00002.jpg,0 20 10 60 50", f"00002.jpg,{shape}"))
    found, release = read(folder)
    assert found["00002"].regions == ()
    rows = [r.row for r in release.rejects if r.reason == "bad_shape"]
    assert rows == [3, 13]


def test_smaller_copies_of_the_pictures_are_noticed(folder: Path) -> None:
    with Image.open(folder / "train/00002.jpg") as picture:
        picture.resize((20, 10)).save(folder / "train/00002.jpg")
    found, release = read(folder)
    assert release.reject_counts["outside_picture", False] == 2
    assert found["00002"].regions == ()


def test_missing_picture_has_shapes_without_a_frame(studies: dict[str, Study]) -> None:
    study = studies[sample.MISSING]
    assert [r.frame for r in study.regions] == [None]
    assert study.images[0].width is None


def test_picture_cut_short_has_no_frame_and_is_counted(folder: Path) -> None:
    path = folder / "train/00002.jpg"
    path.write_bytes(path.read_bytes()[:60])
    found, release = read(folder)
    assert release.reject_counts["no_picture_size", False] == 1
    assert [r.frame for r in found["00002"].regions] == [None]


def test_picture_listed_twice_counts_once(folder: Path) -> None:
    with (folder / "dev.csv").open("a") as table:
        table.write("/data/train/00001.jpg,0 1 2 30 40\n")
    found, release = read(folder)
    assert release.reject_counts["repeated_picture", False] == 1
    assert found["00001"].split == "train" and found["00001"].regions == ()


def test_test_labels_that_are_all_blank_are_not_believed(folder: Path) -> None:
    (folder / "test.csv").write_text("image_name,annotation\n09001.jpg,\n09002.jpg,\n")
    found, release = read(folder)
    assert "09001" not in found
    assert release.reject_counts["no_annotations", True] == 1


def test_release_without_a_table_is_one_clear_error(folder: Path) -> None:
    (folder / "train.csv").unlink()
    with pytest.raises(ReleaseError, match=r"object_cxr: no train\.csv"):
        read(folder)


def test_table_of_another_set_is_one_clear_error(folder: Path) -> None:
    (folder / "dev.csv").write_text("image_id,annotation\n1,\n")
    with pytest.raises(ReleaseError, match=r"dev\.csv, row 1: no column 'image_name'"):
        read(folder)
