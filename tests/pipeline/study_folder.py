"""A copy of the study in a folder of its own, small enough to run whole."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PARTS = ("notebooks", "src", "data/mappings", "data/moments", "data/truth", "data/validation")
FILES = ("params.yaml", "dvc.yaml", ".dvcignore", "requirements.lock", "data/raw/README.md")
# Enough customers that every report can be estimated, few enough to run in seconds.
N_CUSTOMERS = 1_500
REPORTS = (
    "retention",
    "service_quality",
    "retention_desk",
    "cancellation_friction",
    "integrated_team",
    "compensation",
    "word_of_mouth",
    "claims",
    "validation",
    "provider",
    "summary",
)


class StudyFolder:
    """A study in a folder, driven as its user would."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.path / "src"),
            "DVC_NO_ANALYTICS": "1",
        }
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=self.path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.command(*arguments)
        output, _ = process.communicate()
        return process.returncode, output

    def repro(self) -> str:
        code, output = self.run("dvc", "repro")
        assert code == 0, output
        return output

    def change(self, section: str, **values: object) -> None:
        path = self.path / "params.yaml"
        content = yaml.safe_load(path.read_text("utf-8"))
        content[section] |= values
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def results(self) -> dict[str, str]:
        """Hash of everything a reader or the next stage sees."""
        folders = [self.path / name for name in ("reports", "findings", "data/audits")]
        folders += [self.path / "data" / name for name in ("tables", "timeline", "quarantine")]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {
            str(path.relative_to(self.path)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(files)
            if path.name != ".gitignore"
        }


def copy_study(folder: Path) -> StudyFolder:
    for part in PARTS:
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    study = StudyFolder(folder)
    study.change("synthetic", n_customers=N_CUSTOMERS)
    code, output = study.run("dvc", "init", "--no-scm", "--quiet")
    assert code == 0, output
    return study
