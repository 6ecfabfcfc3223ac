"""People who are gone: what of theirs goes, and what stays of what they did."""
