"""Google's OAuth and Calendar v3, played over loopback HTTP for development and tests."""

from devstack.google.authorization import AuthorizationRefused
from devstack.google.errors import ApiError
from devstack.google.ics import ImportReport
from devstack.google.server import GoogleEmulator
from devstack.google.state import Account
from devstack.google.switches import Switches

__all__ = ["Account", "ApiError", "AuthorizationRefused", "GoogleEmulator", "ImportReport", "Switches"]
