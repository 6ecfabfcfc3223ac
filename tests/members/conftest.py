from tests.organizations.conftest import additional_roles, organization

__all__ = ["additional_roles", "organization"]  # fixtures
