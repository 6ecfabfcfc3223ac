"""How PropelAuth gets fresh Google tokens for people who signed in with Google: from the Google emulator."""

import time
from typing import Any

from devstack.google import GoogleEmulator
from devstack.google.errors import OAuthError
from devstack.propelauth import PropelAuthEmulator, RefreshHook, RefreshRefused


def refresher(propelauth: PropelAuthEmulator, google: GoogleEmulator, client_id: str) -> RefreshHook:
    """For `on_refresh`. A grant revoked at Google is refused, as it is in the real world."""

    async def refresh(provider: str, user_id: str) -> dict[str, Any]:
        login = next((login for login in propelauth.social_logins(user_id) if login.provider == provider), None)
        if provider != "google" or login is None:
            raise RefreshRefused(f"Nothing is known of {provider} here.")
        try:
            fresh = google.grants.renew(login.token.get("refresh_token", ""), client_id)
        except OAuthError as error:
            raise RefreshRefused(str(error)) from error
        return social_token(fresh)

    return refresh


def social_token(grant: dict[str, Any]) -> dict[str, Any]:
    """A token response of Google in the form in which PropelAuth keeps it."""
    token = {
        "access_token": grant["access_token"],
        "token_expiration": int(time.time()) + grant["expires_in"],
        "authorized_scopes": grant["scope"].split(),
    }
    return token | ({"refresh_token": grant["refresh_token"]} if "refresh_token" in grant else {})
