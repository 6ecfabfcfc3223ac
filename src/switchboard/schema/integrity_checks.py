"""All checks of the doctor, in the order in which it does them: what mends comes before what only looks."""

from typing import Final

from switchboard.schema import (
    integrity_agents,
    integrity_calendars,
    integrity_cardinality,
    integrity_documents,
    integrity_organizations,
    integrity_references,
    integrity_secrets,
    integrity_users,
)
from switchboard.schema.integrity import Check

CHECKS: Final = (
    Check("references", "References", integrity_references.size, integrity_references.run, mends=True),
    Check("organizations", "Seats and Owners", integrity_organizations.size, integrity_organizations.run, mends=True),
    Check("agents", "Agents", integrity_agents.size, integrity_agents.run, mends=True),
    Check("calendars", "Calendars and events", integrity_calendars.size, integrity_calendars.run, mends=True),
    Check("duplicates", "Duplicates", integrity_cardinality.size, integrity_cardinality.run),
    Check("invites", "Invites", integrity_organizations.invites_size, integrity_organizations.overdue_invites),
    Check("secrets", "Sealed fields", integrity_secrets.size, integrity_secrets.run),
    Check("users", "Types in documents of people", integrity_users.size, integrity_users.run),
    Check("readable", "Whether documents can be read", integrity_documents.size, integrity_documents.run),
)
# Only on request: it takes every secret into the memory of this process.
OPENING: Final = Check("unopened", "Opening secrets", integrity_secrets.opened_size, integrity_secrets.opened)
