"""Who belongs to which organization, in which role."""

from collections.abc import Iterable

from devstack.propelauth.model import Membership, Org, User
from devstack.propelauth.organizations import OrgActions
from devstack.propelauth.refusals import invalid, not_found


class MemberActions(OrgActions):
    def add_member(self, org_id: str, user_id: str, role: str, additional_roles: Iterable[str] = ()) -> Membership:
        """404 without user or organization, 400 for an unknown role (order of the official Rust SDK's answers).

        400 as well for a member already, a full organization, a domain that is kept out and a user with too many
        organizations; the vendor's exact bodies for these are not known. Event user.added_to_org.
        """
        org, user = self.org(org_id), self.user(user_id)
        membership = Membership(org_id, user_id, role, list(additional_roles))
        self.check_roles(role, membership.additional_roles)
        self._check_room(org, user)
        self.world.memberships.append(membership)
        self.webhooks.emit("user.added_to_org", user_id=user_id, org_id=org_id, role=role)
        return membership

    def remove_member(self, org_id: str, user_id: str) -> None:
        """404 if not a member. Event user.removed_from_org, which names the user `removed_user_id`."""
        self.world.memberships.remove(self._required(org_id, user_id))
        self.webhooks.emit("user.removed_from_org", removed_user_id=user_id, org_id=org_id)

    def change_role(self, org_id: str, user_id: str, role: str, additional_roles: Iterable[str] = ()) -> Membership:
        """Replaces the role and the additional roles. Event user.role_changed_within_org."""
        membership, additional = self._required(org_id, user_id), list(additional_roles)
        self.check_roles(role, additional)
        membership.role, membership.additional_roles = role, additional
        self.webhooks.emit("user.role_changed_within_org", user_id=user_id, org_id=org_id, new_role=role)
        return membership

    def check_domain(self, org: Org, email: str, field: str) -> None:
        if org.domain_restrict and not org.has_domain(email.rpartition("@")[2]):
            raise invalid(field, "The email's domain does not match the organization's")

    def join_by_domain(self, user: User) -> None:
        """A confirmed e-mail joins the organizations that let its domain in, as far as there is room."""
        if not user.email_confirmed or not self.settings.organizations_enabled:
            return
        for org in list(self.world.orgs.values()):
            if not org.domain_autojoin or not org.has_domain(user.email_domain):
                continue
            if not self._is_full(org) and self.membership(org.org_id, user.user_id) is None:
                self.add_member(org.org_id, user.user_id, self.settings.default_role)

    def _required(self, org_id: str, user_id: str) -> Membership:
        self.org(org_id)
        membership = self.membership(org_id, user_id)
        if membership is None:
            raise not_found()
        return membership

    def _is_full(self, org: Org) -> bool:
        return org.max_users is not None and len(self.members(org.org_id)) >= org.max_users

    def _check_room(self, org: Org, user: User) -> None:
        if self.membership(org.org_id, user.user_id) is not None:
            raise invalid("user_id", "User is already in the organization")
        if self._is_full(org):
            raise invalid("org_id", "The organization has reached its maximum number of users")
        if len(self.memberships_of(user.user_id)) >= self.settings.max_orgs_per_user:
            raise invalid("user_id", "User is in too many organizations")
        self.check_domain(org, user.email, "user_id")
