"""The entities as SQL: tables, rows, and the export of them."""
