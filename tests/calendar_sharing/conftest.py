from tests.organizations.conftest import organization

__all__ = ["organization"]  # fixture
