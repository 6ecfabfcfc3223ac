"""The steps, one module each: `step_0001_what_it_does`. One that was applied anywhere is never changed any more."""
