"""Invitations to organizations."""

from collections.abc import Iterable

from devstack.propelauth.model import Invite, Membership
from devstack.propelauth.refusals import invalid, not_found
from devstack.propelauth.users import UserActions


class InviteActions(UserActions):
    def invite(self, email: str, org_id: str, role: str, additional_roles: Iterable[str] = ()) -> Invite:
        """Good for 5 days; inviting again replaces role and expiry. Event user.invited_to_org."""
        org, additional = self.org(org_id), list(additional_roles)
        self.check_roles(role, additional)
        user = self.user_by_email(email)
        if user is not None and self.membership(org_id, user.user_id) is not None:
            raise invalid("email", "User is already in the organization")
        if "@" not in email:
            raise invalid("email", "Invalid email address")
        self.check_domain(org, email, "email")
        now = self.clock.now()
        invite = Invite(email, org_id, role, now, now + self.settings.invite_seconds, additional)
        self._forget(org_id, email)
        self.world.invites.append(invite)
        user_id = user.user_id if user else None
        self.webhooks.emit("user.invited_to_org", user_id=user_id, email=email, org_id=org_id, role=role)
        return invite

    def pending_invites(self, org_id: str | None = None) -> list[Invite]:
        """Not expired; oldest first."""
        now = self.clock.now()
        return [i for i in self.world.invites if i.expires_at > now and org_id in (None, i.org_id)]

    def pending_invite(self, org_id: str, email: str) -> Invite:
        """404 when there is none or it has expired."""
        invites = self.pending_invites(org_id)
        found = next((invite for invite in invites if invite.invitee_email.lower() == email.lower()), None)
        if found is None:
            raise not_found()
        return found

    def revoke_invite(self, org_id: str, email: str) -> None:
        """No event: the vendor has none for it."""
        self.org(org_id)
        self.world.invites.remove(self.pending_invite(org_id, email))

    def accept_invite(self, org_id: str, email: str) -> Membership:
        """The invited user (who must exist) joins. Event user.added_to_org."""
        invite, user = self.pending_invite(org_id, email), self.user_by_email(email)
        if user is None:
            raise not_found()
        membership = self.add_member(org_id, user.user_id, invite.role, invite.additional_roles)
        self.world.invites.remove(invite)
        return membership

    def _forget(self, org_id: str, email: str) -> None:
        others = [i for i in self.world.invites if (i.org_id, i.invitee_email.lower()) != (org_id, email.lower())]
        self.world.invites = others
