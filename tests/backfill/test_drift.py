"""`switchboard backfill`: what differs is told field by field, mirrored, and looked at again."""

from collections.abc import ValuesView
from datetime import UTC, datetime

import pytest

from devstack.propelauth import Org
from switchboard.backfill.documents import complete
from switchboard.backfill.model import OtherProject
from tests.backfill.projects import FAST, Inside, Project, counts, told
from tests.mirror import here, miscounted


async def test_an_empty_database_is_filled_as_the_dry_run_said(project: Project) -> None:
    orgs = [project.organization(name, metadata={"displayName": f"{name} Ltd"}) for name in ("Acme", "Beta")]
    loner = project.person("Loner", picture_url="https://example.com/loner.png")

    with project.operator.untouched():
        dry = await project.operator.run("backfill", "--dry-run", *FAST)
    real = await project.filled()

    expected = {("user", "", "missing_here"): 5, ("organization", "", "missing_here"): 2}
    expected |= {("member", "", "missing_here"): 4, ("invite", "", "missing_here"): 2}
    assert (dry.code, real.code) == (3, 0)
    assert (told(real.report["found"]), real.report["remaining"]) == (expected, [])
    for (entity, _, __), count in expected.items():
        assert f"{entity}\tmissing here\t{count}\t" in dry.out
    assert "Nothing was written." in dry.out
    assert (real.report["counted"]["people"], real.report["counted"]["organizations"]) == (5, 2)
    assert real.report["organizations_per_second"] > 0
    assert real.report["requests"] >= 12
    assert project.is_mirrored()
    assert [miscounted(project.database, org.org_id) for org in orgs] == [[], []]
    assert project.stored(loner)["picture_url"] == "https://example.com/loner.png"
    for ended in (dry, real):
        assert ended.err == ""
        assert not any(word in ended.out for word in ("@example.com", "Lovelace", "Acme"))


def planted(project: Project, org: Org) -> dict[tuple[str, str, str], int]:
    """Drift in both directions, as lost webhooks and other writers leave it; what a report has to say of it."""
    auth, database = project.propelauth, project.database
    auth.update_org(org.org_id, name="Acme Holding", max_users=7)
    owner, member = (each.user_id for each in auth.members(org.org_id))
    auth.change_role(org.org_id, member, "Admin")
    auth.add_member(org.org_id, project.person("Newcomer").user_id, "Member")
    left = project.person("Gone")
    joined = {"org_id": org.org_id, "user_id": left.user_id, "role_in_org": "Member", "additional_roles_in_org": []}
    times = dict.fromkeys(("joined_at", "confirmed_at"), datetime.now(UTC))
    database["user_organizations"].insert_one({**joined, **times, "confirmed_by": "webhook"})
    database["organizations"].update_one({"org_id": org.org_id}, {"$inc": {"seats_used": 1}})
    auth.revoke_invite(org.org_id, "invited.by.acme@example.com")
    auth.invite("second@example.com", org.org_id, "Member")
    auth.change_email(owner, "owner.new@example.com")
    database["users"].update_one({"user_id": owner}, {"$set": {"first_name": "Chosen"}, "$unset": {"last_name": ""}})
    database["users"].insert_one({"user_id": "104857600000000000000", "email": "google@example.com"})
    database["users"].insert_one({"user_id": "3f0b8a52-54f4-4f3f-9d8e-0a7d6d1c2b3a", "email": "unknown@example.com"})
    return {
        ("user", "", "missing_here"): 2,
        ("organization", "name", "differs"): 1,
        ("organization", "max_users", "differs"): 1,
        ("organization", "url_safe_org_slug", "differs"): 1,
        ("member", "", "missing_here"): 1,
        ("member", "", "missing_there"): 1,
        ("member", "role_in_org", "differs"): 1,
        ("invite", "", "missing_here"): 1,
        ("invite", "", "missing_there"): 1,
        ("user", "email", "differs"): 1,
        ("user", "first_name", "kept"): 1,
        ("user", "last_name", "missing_here"): 1,
        ("user", "", "missing_there"): 1,
    }


async def test_drift_in_both_directions_is_told_field_by_field_and_mirrored(project: Project, inside: Inside) -> None:
    org, gone = project.organization("Acme"), project.organization("Gone")
    await inside.filled()
    project.let_time_pass()
    project.propelauth.delete_org(gone.org_id)
    expected = planted(project, org) | {("organization", "", "missing_there"): 1}
    expected |= {("member", "", "missing_there"): 3, ("invite", "", "missing_there"): 2}

    dry, real = await inside.dry(), await inside.filled()
    again = await inside.dry()

    assert counts(dry.found) == counts(real.found) == expected
    assert (counts(real.remaining), bool(again.found)) == ({}, False)
    assert counts(again.found) == {("user", "first_name", "kept"): 1}
    assert (project.is_mirrored(), here(project.database, gone.org_id)) == (True, None)
    assert miscounted(project.database, org.org_id) == []
    owner = project.database["users"].find_one({"email": "owner.new@example.com"})
    assert (owner["first_name"], owner["last_name"]) == ("Chosen", "Lovelace")
    by_google = project.database["users"].find_one({"email": "google@example.com"})
    assert by_google.keys() == {"_id", "user_id", "email"}
    assert project.database["users"].find_one({"email": "unknown@example.com"})["enabled"] is False


async def test_a_project_that_knows_nothing_of_what_is_here_changes_nothing(project: Project, inside: Inside) -> None:
    project.organization("Acme")
    await inside.filled()
    for everything in (project.propelauth.world.orgs, project.propelauth.world.users):
        everything.clear()
    project.propelauth.world.memberships.clear()
    project.organization("Strangers")

    with project.operator.untouched():
        for attempt in (inside.dry, inside.filled):
            with pytest.raises(OtherProject, match="PropelAuth knows none of the organizations and people"):
                await attempt()


async def test_a_document_of_somebody_who_only_filled_in_the_form_is_completed(
    project: Project, inside: Inside
) -> None:
    person = project.person("Ada")
    form = {"welcome_form_completed": True, "welcome_form_data": {"age": "36"}}
    project.database["users"].insert_one({"user_id": person.user_id, "first_name": "", **form})

    position = await inside.filled()

    stored = project.stored(person)
    assert (bool(position.remaining), stored["first_name"], stored["email"]) == (False, "Ada", "ada@example.com")
    assert (stored["welcome_form_data"], "created_at" in stored) == ({"age": "36"}, False)


async def test_a_name_that_somebody_set_while_propelauth_was_asked_stays(project: Project, inside: Inside) -> None:
    assert inside.services
    project.database["users"].insert_one({"user_id": "ada", "first_name": "Augusta", "last_name": None})

    await complete("ada", {"first_name": "Ada", "last_name": "Lovelace"}, datetime.now(UTC))

    stored = project.database["users"].find_one({"user_id": "ada"})
    assert (stored["first_name"], stored["last_name"]) == ("Augusta", "Lovelace")


class Shifting(dict[str, Org]):
    """Shows all but one the first time that they are listed, as pages do that move while they are read."""

    shown = False

    def values(self) -> ValuesView[Org]:  # type: ignore[override]
        everything = dict(self)
        if not self.shown:
            everything.popitem()
        self.shown = True
        return everything.values()


async def test_an_organization_that_moved_between_two_pages_is_looked_at_in_the_end(
    project: Project, inside: Inside
) -> None:
    for name in ("Acme", "Beta"):
        project.organization(name)
    project.propelauth.world.orgs = Shifting(project.propelauth.world.orgs)

    position = await inside.filled()

    assert position.counted["organizations"] == 2
    assert project.is_mirrored()
