"""The page's colours in the light, for pictures that are files of their own and stand on no page."""

INK, MUTED, RULE, FAINT = "#1d2126", "#5c646e", "#dfdcd5", "#d5d9dc"
RED, BLUE, GREY = "#a83a22", "#1f5673", "#7b8894"
LINES = (RED, BLUE, GREY, INK)
"""One line after the other."""
