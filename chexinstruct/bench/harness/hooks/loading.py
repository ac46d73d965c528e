"""How a file of an export finds the scoring that lies beside it."""

from __future__ import annotations

from typing import Any


def load_scoring(file: str) -> Any:
    """The package of scoring beside a file, under a name that no other export has.

    The exporter copies this function into the file: there is no package there to import it from.
    """
    import sys
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    package = Path(file).resolve().parent / "chexbench_scoring"
    spec = spec_from_file_location(
        str(package), package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
