"""Look at a corpus: a page on this machine alone, or a sample of it in one HTML file."""

from chexinstruct.view.sample import Sampled, write_sample
from chexinstruct.view.server import Viewer, open_viewer

__all__ = ["Sampled", "Viewer", "open_viewer", "write_sample"]
