"""Publish a corpus on the Hugging Face Hub, or its recipe; build one from a recipe."""

from chexinstruct.hub.comparing import Comparison, compare, render_comparison
from chexinstruct.hub.guard import promise
from chexinstruct.hub.pushing import Pushed, push
from chexinstruct.hub.rebuilding import rebuild
from chexinstruct.hub.recipe import Recipe, make_recipe, read_recipe, recipe_keys

__all__ = [
    "Comparison",
    "Pushed",
    "Recipe",
    "compare",
    "make_recipe",
    "promise",
    "push",
    "read_recipe",
    "rebuild",
    "recipe_keys",
    "render_comparison",
]
