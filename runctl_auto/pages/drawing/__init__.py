"""Drawings as SVG, without styles of their own: classes name what is drawn."""
