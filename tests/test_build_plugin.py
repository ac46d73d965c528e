"""A source that another package brings gets its tasks without a change to ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from build_support import contents

from chexinstruct.synthetic import encode, radiograph, save

CARD = """
key: toy_xray
name: Toy
summary: Pictures of nobody.
home: https://example.org/toy
versions: ["1"]
license: open
license_name: none
terms: Free.
redistribution: "yes"
access: [Ask example.org.]
citation: Nobody. Toy.
files: [{pattern: toy.csv, what: everything}]
label_sets:
  findings:
    findings: [pneumothorax, edema, cardiomegaly]
    kind: multi
    method: reader
    blank: absent
split: none
"""

LOADER = """
from chexinstruct.schema import Image, Label, Study
from toy_package.toy_xray.names import FINDINGS

def studies(release, parents):
    columns = {name: name for name in ("id", "patient", "finding", "view")}
    for row in release.table("toy.csv", columns):
        finding = FINDINGS.get(row["finding"])
        yield Study(
            source=release.source,
            id=row["id"],
            people=(f"toy:{row['patient']}",),
            images=(Image(key=row["id"], path=f"{row['id']}.png", view=row["view"],
                          view_source="table"),),
            label_sets=("findings",),
            labels=(Label(finding=finding),) if finding else (),
        )
"""

NAMES = 'FINDINGS = {"ptx": "pneumothorax", "oedema": "edema"}\n'

BUILD = """
import json, sys
from pathlib import Path
import msgspec
from chexinstruct.build import BuildOptions, build
from chexinstruct.manifest import Manifest
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    manifest = Manifest(name="toy", version="1.0.0", images={"size": 32})
    lock = build(manifest, folder / "data", folder / sys.argv[2],
                 BuildOptions(workers=int(sys.argv[3]), cache=folder / "cache"))
    print(json.dumps(msgspec.to_builtins(lock)))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installed package with a source, and a release of it."""
    save(
        tmp_path / "site",
        {
            "toy_package/__init__.py": "",
            "toy_package/toy_xray/__init__.py": "",
            "toy_package/toy_xray/card.yaml": CARD,
            "toy_package/toy_xray/loader.py": LOADER,
            "toy_package/toy_xray/names.py": NAMES,
            "toy_package-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: toy-package\n"
            "Version: 1.0\n",
            "toy_package-1.0.dist-info/entry_points.txt": "[chexinstruct.sources]\n"
            "toy_xray = toy_package.toy_xray\n",
        },
    )
    findings = ("ptx", "oedema", "none", "cardiomegalia")
    rows = [f"{n},{n // 2},{findings[n % 4]},{('PA', 'AP')[n % 2]}" for n in range(40)]
    save(
        tmp_path / "data" / "toy_xray",
        {
            "toy.csv": "\n".join(["id,patient,finding,view", *rows]) + "\n",
            **{f"{n}.png": encode(radiograph(40, 40, n), ".png") for n in range(40)},
        },
    )
    (tmp_path / "build.py").write_text(BUILD)
    return tmp_path


def built(folder: Path, out: str, workers: int) -> dict[str, Any]:
    """The lock of a build in a process of its own, where the package is installed."""
    done = subprocess.run(
        [sys.executable, folder / "build.py", folder, out, str(workers)],
        env={**os.environ, "PYTHONPATH": str(folder / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lock: dict[str, Any] = json.loads(done.stdout)
    return lock


def test_a_source_of_another_package_gets_its_tasks(folder: Path) -> None:
    lock = built(folder, "out", 2)
    rows: dict[str, int] = {}
    for line in lock["ledger"]:
        assert line["source"] == "toy_xray"
        rows[line["task"]] = rows.get(line["task"], 0) + line["rows"]
    assert rows["view_classification"] == 40
    assert rows["image_classification"] > 0
    assert "phrase_grounding" not in rows
    card = (folder / "out" / "README.md").read_text()
    assert "Nobody. Toy." in card
    assert lock == built(folder, "alone", 1)
    assert contents(folder / "out") == contents(folder / "alone")


def test_a_changed_helper_of_the_loader_is_noticed(folder: Path) -> None:
    """Not only the loader itself: what it imports from its own package decides studies too."""
    before = {line["task"]: line for line in built(folder, "out", 1)["ledger"]}
    names = folder / "site" / "toy_package" / "toy_xray" / "names.py"
    names.write_text(NAMES.replace("}", ', "cardiomegalia": "cardiomegaly"}'))
    after = {line["task"]: line for line in built(folder, "out", 1)["ledger"]}
    assert before["image_classification"] != after["image_classification"]
