"""When people work: by the clock on their wall, with days off."""
