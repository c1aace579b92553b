"""A workbook for cross-dataset facial micro-expression recognition."""

__version__ = "0.1.0"

import sys

# jsonschema, below nbformat and plotly, would build a grammar for two seconds at every start, to check IRIs: none is.
sys.modules.setdefault("rfc3987_syntax", None)
