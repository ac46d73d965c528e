"""Map the top-level data folders into the package; everything else is in pyproject.toml."""

from setuptools import find_packages, setup

INSIDE = ("sources", "templates", "manifests")  # top-level folders that live in chexinstruct

inside = find_packages(include=[pattern for name in INSIDE for pattern in (name, f"{name}.*")])
setup(
    packages=[
        *find_packages(include=["chexinstruct", "chexinstruct.*"]),
        *(f"chexinstruct.{name}" for name in inside),
    ],
    package_dir={f"chexinstruct.{name}": name for name in INSIDE},
)
