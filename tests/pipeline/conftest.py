"""A copy of the study in a folder of its own, small enough to run whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from study_folder import StudyFolder, copy_study


@pytest.fixture(scope="session")
def make_study(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], StudyFolder]:
    def make(name: str) -> StudyFolder:
        return copy_study(tmp_path_factory.mktemp("study") / name)

    return make


@pytest.fixture(scope="session")
def done_study(make_study: Callable[[str], StudyFolder]) -> Iterator[StudyFolder]:
    """The whole synthetic study, run once; its folder has a space in its name."""
    study = make_study("a study")
    study.repro()
    yield study
