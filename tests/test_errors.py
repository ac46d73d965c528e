"""Errors cross processes whole: a worker's error must reach the user as it was told."""

from __future__ import annotations

import pickle

import pytest

from chexinstruct.config import ConfigError
from chexinstruct.errors import CallError, ChexinstructError, ReleaseError
from chexinstruct.images import BadImage
from chexinstruct.vocabulary import VocabularyError


@pytest.mark.parametrize(
    "error",
    [
        CallError("unknown task 'x'"),
        ConfigError("a.yaml, line 3: not YAML"),
        ReleaseError("openi", "no column 'uid'", file="a.csv", row=1, fix="get it again"),
        BadImage("truncated_image", "the PNG ends too early"),
        VocabularyError("unknown finding 'Foo'"),
    ],
)
def test_an_error_survives_the_way_from_a_worker(error: ChexinstructError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_release_error_is_one_line_that_names_place_and_remedy() -> None:
    error = ReleaseError("openi", "no column 'uid'", file="a.csv", row=1, fix="get it again")
    assert str(error) == "openi: a.csv, row 1: no column 'uid'; get it again"
