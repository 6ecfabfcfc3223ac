from tests.calendars.conftest import connect
from tests.organizations.conftest import organization

__all__ = ["connect", "organization"]  # fixtures
