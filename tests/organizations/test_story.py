"""The whole story, as people live it: create, invite, accept, promote, transfer, leave, delete."""

from uuid import uuid4

import httpx

from tests.world import World


async def test_an_organization_from_its_creation_to_its_end(world: World, api: httpx.AsyncClient) -> None:
    olivia, nina = world.person(google=False), world.person(google=False)

    created = await api.post(
        "/v1/orgs", headers=olivia.headers, json={"name": f"Org {uuid4().hex[:8]}", "display_name": "Ours"}
    )
    assert created.status_code == 201, created.text
    org = created.json()
    assert (org["role_in_org"], org["display_name"]) == ("Owner", "Ours")
    assert org["seats"] == {"used": 1, "limit": None}
    at = f"/v1/orgs/{org['org_id']}"

    invited = await api.post(
        f"{at}/invites", headers=olivia.headers, json={"email": nina.email.upper(), "role_in_org": "Admin"}
    )
    assert invited.status_code == 201, invited.text

    home = (await api.get("/v1/me/bootstrap", headers=nina.headers)).json()
    assert [invite["invite_id"] for invite in home["invites"]] == [invited.json()["invite_id"]]
    accepted = await api.post(f"/v1/me/invites/{invited.json()['invite_id']}/accept", headers=nina.headers)
    assert accepted.status_code == 200, accepted.text
    assert accepted.json()["role_in_org"] == "Admin"
    assert accepted.json()["seats"]["used"] == 2

    members = (await api.get(f"{at}/members", headers=nina.headers)).json()["members"]
    assert {member["email"] for member in members} == {olivia.email, nina.email}

    refused = await api.post(f"{at}/leave", headers=olivia.headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "last_owner")
    transferred = await api.post(f"{at}/transfer", headers=olivia.headers, json={"user_id": nina.user_id})
    assert transferred.status_code == 200, transferred.text
    assert transferred.json()["role_in_org"] == "Owner"
    left = await api.post(f"{at}/leave", headers=olivia.headers)
    assert left.status_code == 204, left.text
    assert (await api.get(at, headers=olivia.headers)).status_code == 404

    audit = (await api.get(f"{at}/audit", headers=nina.headers)).json()["entries"]
    assert [entry["action"] for entry in reversed(audit)] == [
        *("organization.created", "member.joined", "invite.created", "invite.accepted", "member.joined"),
        *("ownership.transferred", "member.left"),
    ]
    assert {entry["actor"]["kind"] for entry in audit} == {"user"}
    preview = (await api.get(f"{at}/deletion", headers=nina.headers)).json()
    assert preview["goes"] == {
        "members": 1,
        "pending_invites": 0,
        "agents": 0,
        "service_keys": 0,
        "calendar_sharing": 0,
    }
    assert (await api.delete(at, headers=nina.headers)).status_code == 204
    assert (await api.get(at, headers=nina.headers)).status_code == 404
    assert world.propelauth.world.orgs.get(org["org_id"]) is None
