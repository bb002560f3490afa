from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import WriteNotebook
from filelock import FileLock
from nbformat import NotebookNode

from loyaltylab.errors import NotebookError, ParameterError
from loyaltylab.reports import kernel, runner
from loyaltylab.reports.notebook_source import dump_notebook
from loyaltylab.reports.runner import run_notebook

DAYS = {"horizon_days": 180}


def run(path: Path, **changes: object) -> NotebookNode:
    settings = {
        "parameters": DAYS,
        "working_folder": path.parent,
        "debug_folder": path.parent / "debug",
    }
    return run_notebook(path, **(settings | changes))


def printed(nb: NotebookNode) -> str:
    return "".join(o.text for cell in nb.cells for o in cell.get("outputs", []) if "text" in o)


def test_two_runs_in_different_folders_give_the_same_bytes(executed: SimpleNamespace) -> None:
    assert dump_notebook(executed.first) == dump_notebook(executed.second)
    assert "<object object at 0x…>" in dump_notebook(executed.first)


def test_the_page_has_one_parameters_cell_with_the_values_used(executed: SimpleNamespace) -> None:
    tagged = [cell for cell in executed.first.cells if cell.metadata.get("tags")]
    assert [(cell.source, cell.metadata.tags) for cell in tagged] == [
        ("horizon_days = 180  # days", ["parameters"])
    ]
    assert "After 180 days" in dump_notebook(executed.first)


@pytest.mark.parametrize("given", [{"horizont_days": 1}, {}, {"horizon_days": "1"}])
def test_a_doubtful_parameter_stops_the_run_before_a_kernel(
    write_notebook: WriteNotebook, monkeypatch: pytest.MonkeyPatch, given: dict[str, object]
) -> None:
    monkeypatch.setattr(runner, "plan_kernel", lambda **_: pytest.fail("a kernel was started"))
    with pytest.raises(ParameterError, match="section 'retention'"):
        run(write_notebook("1"), parameters=given)


def test_a_lost_tag_stops_the_run_before_a_kernel(
    write_notebook: WriteNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "plan_kernel", lambda **_: pytest.fail("a kernel was started"))
    path = write_notebook("1")
    path.write_text(path.read_text("utf-8").replace('"parameters"', '"parameter"'))
    with pytest.raises(NotebookError, match="no cell is tagged"):
        run(path)


def test_text_that_looks_like_a_number_stays_text(write_notebook: WriteNotebook) -> None:
    path = write_notebook("print(repr(label))", parameters='label = "x"')
    assert printed(run(path, parameters={"label": "007"})) == "'007'\n"


def test_a_failing_cell_is_named_and_leaves_a_copy(write_notebook: WriteNotebook) -> None:
    path = write_notebook("print('before')", "{'a': 1}['b']", "print('after')")
    with pytest.raises(NotebookError) as caught:
        run(path)
    message = str(caught.value)
    assert "notebook retention: cell 4 of 5 (cell-04) failed" in message
    assert "KeyError: 'b'" in message
    assert "the cell starts with: {'a': 1}['b']" in message
    assert "debug/retention.ipynb" in message
    assert str(path.parent) not in message
    copy = (path.parent / "debug" / "retention.ipynb").read_text("utf-8")
    assert "before" in copy
    assert "after\\n" not in copy


def test_a_cell_without_memory_says_what_needs_less(write_notebook: WriteNotebook) -> None:
    with pytest.raises(NotebookError, match=r"lower synthetic\.n_customers") as caught:
        run(write_notebook("import numpy; numpy.empty(2**60, dtype='u1')"))
    assert "MemoryError" in str(caught.value)


def test_a_copy_that_cannot_be_kept_does_not_hide_the_failure(
    write_notebook: WriteNotebook,
) -> None:
    path = write_notebook("1 / 0")
    (path.parent / "failed").write_text("in the place of a folder")
    with pytest.raises(NotebookError, match="ZeroDivisionError") as caught:
        run(path, debug_folder=path.parent / "failed")
    assert "could not be kept" in str(caught.value)


def test_a_copy_of_an_old_failure_goes_when_the_run_succeeds(
    write_notebook: WriteNotebook,
) -> None:
    path = write_notebook("1")
    stale = path.parent / "debug" / "retention.ipynb"
    stale.parent.mkdir()
    stale.write_text("{}")
    run(path)
    assert not stale.exists()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import sys; sys.exit()", "SystemExit"),
        ("import os; os._exit(1)", "the kernel stopped at cell 3 of 3"),
    ],
)
def test_a_notebook_that_ends_itself_has_failed(
    write_notebook: WriteNotebook, code: str, expected: str
) -> None:
    with pytest.raises(NotebookError, match=expected):
        run(write_notebook(code))


def test_the_notebook_on_disk_is_not_touched(write_notebook: WriteNotebook) -> None:
    path = write_notebook("1")
    before = path.read_bytes()
    run(path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["retention.ipynb"]


def test_nothing_of_the_user_s_configuration_leaks_in(
    write_notebook: WriteNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    startup = tmp_path / "home" / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "leak.py").write_text("leaked = True\nprint('leak')")
    styles = tmp_path / "home" / ".config" / "matplotlib"
    styles.mkdir(parents=True)
    (styles / "matplotlibrc").write_text("font.size: 33")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONSTARTUP", str(startup / "leak.py"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    project = tmp_path / "project"
    project.mkdir()
    source = """
import locale, os, time
import matplotlib
print("leaked" in globals(), matplotlib.rcParams["font.size"], time.tzname[0])
print(os.environ["PYTHONHASHSEED"], os.environ["COLUMNS"], os.environ["EXTRA"])
print(sorted(name for name in os.listdir() if name != "retention.ipynb"))
"""
    nb = run(write_notebook(source, folder=project), environment={"EXTRA": "given"})
    assert printed(nb) == "False 10.0 UTC\n0 120 given\n[]\n"


def test_a_temporary_folder_with_a_long_name_does_not_stop_a_run(
    write_notebook: WriteNotebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("a long name " * 10)
    long.mkdir()
    monkeypatch.setattr(kernel.tempfile, "tempdir", str(long))
    assert printed(run(write_notebook("print(horizon_days)"))) == "180\n"
    assert list(long.iterdir()) == []


def test_the_folder_of_a_killed_run_goes_and_those_in_use_or_fresh_stay(tmp_path: Path) -> None:
    for name in ("loyaltylab-dead", "loyaltylab-used", "loyaltylab-fresh", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / kernel.IN_USE).touch()
        if name != "loyaltylab-fresh":
            os.utime(tmp_path / name / kernel.IN_USE, (0, 0))
    with FileLock(tmp_path / "loyaltylab-used" / kernel.IN_USE):
        os.utime(tmp_path / "loyaltylab-used" / kernel.IN_USE, (0, 0))
        kernel._remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "loyaltylab-fresh", "loyaltylab-used", "other"
    ]  # fmt: skip


def test_without_unix_sockets_a_kernel_listens_on_loopback(
    write_notebook: WriteNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "_can_bind", lambda _: False)
    assert printed(run(write_notebook("print(horizon_days)"))) == "180\n"


def test_a_folder_with_braces_and_a_space_is_only_a_folder(
    write_notebook: WriteNotebook, tmp_path: Path
) -> None:
    folder = tmp_path / "a {b} c"
    folder.mkdir()
    path = write_notebook("import os; print(os.getcwd() + '/x')", folder=folder)
    assert printed(run(path)) == "x\n"


def test_several_notebooks_run_at_once(write_notebook: WriteNotebook) -> None:
    here = Path.cwd()
    source = "import os; print(os.path.basename(os.getcwd()), horizon_days)"
    paths = [write_notebook(source, name=f"n{n}") for n in range(4)]
    folders = [path.parent / path.stem for path in paths]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(4) as pool:
        jobs = [
            pool.submit(run, path, working_folder=folder, parameters={"horizon_days": n})
            for n, (path, folder) in enumerate(zip(paths, folders, strict=True))
        ]
        texts = [printed(job.result()) for job in jobs]
    assert texts == [f"n{n} {n}\n" for n in range(4)]
    assert Path.cwd() == here


def test_progress_is_one_line(
    write_notebook: WriteNotebook, capfd: pytest.CaptureFixture[str]
) -> None:
    run(write_notebook("print('x')"))
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("retention: 3 cells, ")
    assert err.count("\n") == 1
