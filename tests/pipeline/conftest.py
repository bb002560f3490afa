"""A copy of the study in a folder of its own, small enough to run whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from study_folder import N_FEW, StudyFolder, copy_files, copy_study


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


@pytest.fixture(scope="session")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    """Few customers, from the source to one report; tests work on copies of it."""
    study = copy_files(tmp_path_factory.mktemp("small") / "a study", n_customers=N_FEW)
    for command in (("tables",), ("timeline",), ("report", "retention"), ("index",)):
        study.time("loyaltylab", *command)
    return study


@pytest.fixture
def study(small_study: StudyFolder, tmp_path: Path) -> StudyFolder:
    return small_study.copy(tmp_path / "a study")
