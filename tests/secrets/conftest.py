from tests.agents.conftest import names, team

__all__ = ["names", "team"]  # fixtures
