"""The whole pipeline on a small provider, as a user runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable

import pytest
from snapshot_file import write_snapshot
from study_folder import REPORTS, StudyFolder

from loyaltylab.findings import VERDICT_MEANINGS

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("pipeline")]


def test_every_report_is_made_from_the_synthetic_provider(done_study: StudyFolder) -> None:
    for name in REPORTS:
        finding = json.loads((done_study.path / "findings" / f"{name}.json").read_text("utf-8"))
        page = (done_study.path / "reports" / f"{name}.html").read_text("utf-8")
        assert finding["verdict"] in VERDICT_MEANINGS
        assert finding["verdict"] != "not estimable"
        assert finding["answer"].replace("−", "").split(" (")[0][:20] in page.replace("−", "")
        assert "Synthetic data." in page
        assert finding["source"]["is_synthetic"] is True
    index = (done_study.path / "reports" / "index.html").read_text("utf-8")
    assert all(f'href="{name}.html"' in index for name in REPORTS)


def test_pages_load_nothing_from_elsewhere(done_study: StudyFolder) -> None:
    for page in (done_study.path / "reports").glob("*.html"):
        text = page.read_text("utf-8")
        assert not re.search(
            r"<(script|img|link|iframe|source)[^>]+(src|href)=[\"']?(https?:)?//", text
        )
        assert "default-src &#39;none&#39;" in text
        assert str(done_study.path) not in text


def test_every_figure_has_a_description_and_its_numbers_on_file(done_study: StudyFolder) -> None:
    page = (done_study.path / "reports" / "retention.html").read_text("utf-8")
    images = re.findall(r"<img[^>]+>", page)
    assert images
    assert all(re.search(r'alt="[^"]{40,}"', image) for image in images)
    curve = (done_study.path / "reports/figures/retention/retention_curve.csv").read_text("utf-8")
    assert curve.splitlines()[0].split(",")[:3] == ["group", "time", "retention"]


def test_a_second_run_does_nothing(done_study: StudyFolder) -> None:
    before = done_study.results()
    assert "Data and pipelines are up to date" in done_study.repro()
    assert done_study.results() == before


def test_one_report_s_parameter_reruns_that_report_and_what_depends_on_it(
    done_study: StudyFolder,
) -> None:
    before = done_study.results()
    done_study.change("retention", horizon_months=12)
    output = done_study.repro()
    assert re.findall(r"Running stage '(.+)'", output) == ["report@retention", "summary", "index"]
    done_study.change("retention", horizon_months=24)
    done_study.repro()
    assert done_study.results() == before


def test_a_run_killed_midway_and_repeated_elsewhere_gives_the_same_bytes(
    done_study: StudyFolder, make_study: Callable[[str], StudyFolder]
) -> None:
    other = make_study("killed")
    process = other.command("dvc", "repro")
    deadline = time.monotonic() + 120
    while not (other.path / "findings" / "retention.json").exists():
        assert time.monotonic() < deadline, "the first report never came"
        time.sleep(0.2)
    time.sleep(2)  # into the second report
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    other.repro()
    assert other.results() == done_study.results()


def test_a_failing_cell_is_named_and_changes_nothing(done_study: StudyFolder) -> None:
    before = done_study.results()
    path = done_study.path / "notebooks" / "compensation.ipynb"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace("contrast_groups(\\n", "contrast_grups(\\n"), encoding="utf-8")
    code, output = done_study.run("dvc", "repro", "report@compensation")
    assert code != 0
    assert "notebook compensation: cell 4 of" in output
    assert "NameError" in output
    assert (done_study.path / "scratch" / "failed" / "compensation.ipynb").is_file()
    assert done_study.results() == before
    path.write_text(whole, encoding="utf-8")


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("retention", {"horizn_months": 24}, "horizn_months"),
        ("study", {"confidence_levl": 0.9}, "did you mean 'confidence_level'"),
        ("compensation", {"horizon_months": "24"}, "horizon_months"),
    ],
)
def test_a_wrong_parameter_is_named_and_changes_nothing(
    done_study: StudyFolder, section: str, values: dict[str, object], message: str
) -> None:
    before = done_study.results()
    params = (done_study.path / "params.yaml").read_text("utf-8")
    done_study.change(section, **values)
    for arguments in (("loyaltylab", "check"), ("dvc", "repro")):
        code, output = done_study.run(*arguments)
        assert code != 0
        assert message in output
    assert done_study.results() == before
    (done_study.path / "params.yaml").write_text(params, encoding="utf-8")


def test_a_lost_parameters_tag_is_named_and_changes_nothing(done_study: StudyFolder) -> None:
    before = done_study.results()
    path = done_study.path / "notebooks" / "retention.ipynb"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace('"parameters"', '"parametres"'), encoding="utf-8")
    for arguments in (("loyaltylab", "check"), ("dvc", "repro", "report@retention")):
        code, output = done_study.run(*arguments)
        assert code != 0
        assert "retention" in output
        assert "parameters" in output
    assert done_study.results() == before
    path.write_text(whole, encoding="utf-8")


def test_a_file_of_someone_else_needs_only_params_and_a_mapping(
    make_study: Callable[[str], StudyFolder],
) -> None:
    study = make_study("someone else")
    write_snapshot(study.path / "data" / "raw" / "telco.csv")
    study.change("source", kind="delimited", mapping="data/mappings/telco.yaml")
    study.repro()
    findings = {
        name: json.loads((study.path / "findings" / f"{name}.json").read_text("utf-8"))
        for name in REPORTS
    }
    assert findings["retention"]["verdict"] == "described"
    told = {"retention", "claims", "validation", "provider", "summary"}
    for name in set(REPORTS) - told:
        assert findings[name]["verdict"] == "not estimable"
        assert findings[name]["answer"].startswith("Not estimable: needs ")
    page = (study.path / "reports" / "retention.html").read_text("utf-8")
    assert "Synthetic data." not in page
    assert "cannot be told apart" in page  # the same customers in several columns
    assert "no_time_at_risk" in page  # set aside and counted

    raw = study.path / "data" / "raw" / "telco.csv"
    whole, before = raw.read_text("utf-8"), study.results()
    header, *rows = whole.splitlines()
    first = next(row for row in rows if row.endswith(",Yes"))  # one who left
    # Minus two months of tenure: signed up two months after having left.
    backwards = re.sub(r"^([^,]*(,[^,]*){4}),\d+", r"\1,-2", first)
    broken = {
        "has no column 'tenure'": [header.replace("tenure", "tenur"), *rows],
        "duplicate_key": [header, first, *rows],
        "wrong_order": [header, *(backwards if row == first else row for row in rows)],
    }
    for message, text in broken.items():
        raw.write_text("\n".join(text) + "\n", encoding="utf-8")
        code, output = study.run("dvc", "repro")
        assert code != 0, message
        assert message in output
        assert first.split(",")[0] not in output  # no customer is named
        assert study.results() == before
