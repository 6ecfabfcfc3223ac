"""All checks of the doctor, in the order in which it does them: what mends comes before what only looks."""

from typing import Final

from switchboard.schema.integrity import (
    agents,
    calendars,
    cardinality,
    documents,
    migrations,
    organizations,
    references,
    secrets,
    users,
)
from switchboard.schema.integrity.findings import Check

CHECKS: Final = (
    Check("references", "References", references.size, references.run, mends=True),
    Check("organizations", "Seats and Owners", organizations.size, organizations.run, mends=True),
    Check("agents", "Agents", agents.size, agents.run, mends=True),
    Check("calendars", "Calendars and events", calendars.size, calendars.run, mends=True),
    Check("migrations", "Steps that were not applied", migrations.size, migrations.run),
    Check("duplicates", "Duplicates", cardinality.size, cardinality.run),
    Check("invites", "Invites", organizations.invites_size, organizations.overdue_invites),
    Check("secrets", "Sealed fields", secrets.size, secrets.run),
    Check("users", "Types in documents of people", users.size, users.run),
    Check("readable", "Whether documents can be read", documents.size, documents.run),
)
# Only on request: it takes every secret into the memory of this process.
OPENING: Final = Check("unopened", "Opening secrets", secrets.opened_size, secrets.opened)
