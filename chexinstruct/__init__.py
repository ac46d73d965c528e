"""Build the CheXinstruct instruction corpus from raw public chest X-ray releases."""

from importlib.metadata import version

__version__ = version("chexinstruct")
