from tests.delivery.conftest import names, team

__all__ = ["names", "team"]  # fixtures
