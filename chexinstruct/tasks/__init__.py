"""The tasks, one module a family."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from chexinstruct.tasks.contract import FAMILIES, Context, Drop, Family, Policies, Task

__all__ = ["FAMILIES", "Context", "Drop", "Family", "Policies", "Task", "registry"]

_MODULES = ("coarse", "fine", "text", "qa", "misc")


@cache
def registry() -> dict[str, Task]:
    """All tasks by key, in the order of their families."""
    return {
        value.key: value
        for name in _MODULES
        for value in vars(import_module(f"chexinstruct.tasks.{name}")).values()
        if isinstance(value, Task)
    }
