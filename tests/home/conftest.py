from tests.calendars.conftest import connect

__all__ = ["connect"]  # a fixture
