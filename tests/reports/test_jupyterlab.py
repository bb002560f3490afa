"""JupyterLab with the project's configuration: run, see, save; the file stays free of outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from conftest import SHOW_EVERYTHING, build_notebook
from headless_browser import Browser

from loyaltylab.reports import notebook_source
from loyaltylab.reports.notebook_source import dump_notebook

pytestmark = pytest.mark.browser

PROJECT = Path(__file__).parents[2]
START_SECONDS = 90
KERNEL_IDLE = (
    "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
)
COMMAND = "void window.jupyterapp.commands.execute('{}')"


@pytest.fixture
def lab_address(tmp_path: Path) -> Iterator[str]:
    """JupyterLab on a free port of loopback, without token, with nothing of the user's."""
    (tmp_path / "notebooks").mkdir()
    private = {
        "HOME": str(tmp_path),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_CONFIG_PATH": str(PROJECT / "jupyter"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"),
        "PYTHONPATH": str(Path(notebook_source.__file__).parents[2]),
    }
    options = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",
        "--IdentityProvider.token=",
        "--LabApp.expose_app_in_browser=True",
    ]
    command = [sys.executable, "-m", "jupyterlab", str(tmp_path / "notebooks"), *options]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | private, stdout=log, stderr=log)
    try:
        yield _wait_for_address(tmp_path / "runtime", server=server, log=tmp_path / "lab.log")
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for_address(folder: Path, *, server: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        for path in folder.glob("jpserver-*.json"):
            if text := path.read_text():
                return str(json.loads(text)["url"])
        time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


def test_running_and_saving_shows_a_figure_and_leaves_no_outputs_on_disk(
    browser: Browser, lab_address: str, tmp_path: Path
) -> None:
    expected = dump_notebook(build_notebook(*SHOW_EVERYTHING))
    path = tmp_path / "notebooks" / "retention.ipynb"
    dirty = nbformat.reads(expected, as_version=4)
    dirty.metadata["stale"] = True  # a save that happens is a save that takes this away
    nbformat.write(dirty, path)

    browser.open(f"{lab_address}lab/tree/retention.ipynb", width=1280)
    browser.wait_until("!!document.querySelector('.jp-Notebook .jp-CodeCell')")
    browser.wait_until(KERNEL_IDLE)
    browser.evaluate(COMMAND.format("notebook:run-all-cells"))
    figure = "document.querySelector('.jp-OutputArea figure img')"
    browser.wait_until(f"{figure} && {figure}.naturalWidth > 0")
    browser.wait_until("document.body.textContent.includes('Needs the table payments.')")
    browser.evaluate(COMMAND.format("docmanager:save"))

    end = time.monotonic() + 30
    while path.read_text("utf-8") != expected and time.monotonic() < end:
        time.sleep(0.2)
    assert path.read_text("utf-8") == expected
    outside = [
        url
        for url in browser.requests()
        if not url.startswith((lab_address, "data:", "blob:", "about:"))
    ]
    assert outside == []
    log = (tmp_path / "lab.log").read_text()
    assert "Traceback" not in log
    browser.screenshot(tmp_path / "lab.png")
