"""Widgets to look into the workbook's data and models by hand. Their state is traits."""
