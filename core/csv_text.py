"""Text in CSV files that people open in spreadsheets."""

BOM = "\ufeff"
"""Tells spreadsheets that the text is UTF-8."""
# A cell that starts so is a formula to a spreadsheet.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def inert(cell: str) -> str:
    """The text as no spreadsheet takes it for a formula."""
    return "'" + cell if cell.startswith(_FORMULA_STARTS) else cell
