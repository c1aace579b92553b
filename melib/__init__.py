"""A workbook for cross-dataset facial micro-expression recognition."""

__version__ = "0.1.0"
