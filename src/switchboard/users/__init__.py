"""People: who they are, their tokens as stored, their welcome form."""
