"""Figures: each function takes a tidy table and an axis, and draws; `style.save` writes picture and table."""
