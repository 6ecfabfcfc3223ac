"""What all HTTP routes share: who calls, what time it is, errors as problems, limits, paging, health."""
