"""Times as sorted lists of spans, and what the clocks of a zone show meanwhile."""
