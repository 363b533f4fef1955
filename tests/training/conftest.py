import sys
from pathlib import Path

# The training room is no package of the product: its programs run with this folder on the path, so do its tests.
sys.path.append(str(Path(__file__).parents[2] / "ocr"))
