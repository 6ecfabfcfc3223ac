"""POST /v1/webhooks/propelauth: who is believed, what is kept, and that once is once."""

import asyncio
import base64
import json
from uuid import uuid4

import httpx
import pytest

from devstack.propelauth import Delivery
from devstack.propelauth.webhooks import new_secret
from tests.conftest import bound
from tests.organizations.conftest import Organization
from tests.webhooks.conftest import PATH, Sender, counted
from tests.world import World

Raw = list[tuple[bytes, bytes]]


@pytest.fixture(scope="module")
async def known(whole_world: World) -> Organization:
    """An organization that is mirrored, for all tests that do not change it."""
    await bound(whole_world)
    made = Organization(whole_world, whole_world.propelauth.add_org(f"Org {uuid4().hex}").org_id)
    made.add("Owner")
    await made.mirrored()
    return made


@pytest.fixture
def delivery(known: Organization, sender: Sender) -> Delivery:
    """An event about it; nobody was told of it."""
    sender.world.propelauth.emulator.forget()
    return sender.event("org.updated", org_id=known.org_id)


def untouched(world: World) -> bool:
    """Whether nothing was kept and nobody was asked."""
    kept = world.database["webhook_deliveries"].count_documents({})
    return kept == 0 and world.propelauth.emulator.requests == []


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["code"], body["detail"]


REFUSED = (400, "invalid_signature", "The request could not be verified.")


async def test_a_delivery_is_answered_without_a_word_kept_and_acted_on(world, sender, delivery) -> None:
    answer = await sender.deliver(delivery)

    assert (answer.status_code, answer.content) == (204, b"")
    stored = sender.stored(delivery)
    assert (stored["event_type"], stored["state"], stored["tries"]) == ("org.updated", "done", 0)
    assert len(world.propelauth.emulator.requests) == 1


async def test_what_the_event_says_is_not_believed(world, sender, organization) -> None:
    org = await organization("Owner", "Member")
    world.propelauth.emulator.forget()

    for event in (
        {"event_type": "user.role_changed_within_org", "user_id": org.member.user_id, "new_role": "Owner"},
        {"event_type": "user.removed_from_org", "removed_user_id": org.owner.user_id},
        {"event_type": "user.added_to_org", "user_id": world.person(google=False).user_id, "role": "Owner"},
        {"event_type": "org.deleted"},
        {"event_type": "org.updated", "name": "Stolen", "max_users": 1},
    ):
        assert (await sender.deliver(sender.event(**event, org_id=org.org_id))).status_code == 204

    assert (org.role(org.owner), org.role(org.member)) == ("Owner", "Member")
    assert org.stored["name"] == org.there.name
    assert org.counts == (1, 2)


@pytest.mark.parametrize("seconds", [-290, 290])
async def test_clocks_may_differ_by_almost_five_minutes(sender, delivery, seconds) -> None:
    assert (await sender.deliver(delivery, seconds)).status_code == 204


@pytest.mark.parametrize("seconds", [-86_400, -310, 310, 86_400])
async def test_a_delivery_of_another_time_is_refused(world, sender, delivery, seconds) -> None:
    assert problem(await sender.deliver(delivery, seconds)) == REFUSED
    assert untouched(world)


@pytest.mark.parametrize("reason", ["other secret", "shortened body", "longer body", "written anew", "other id"])
async def test_a_forged_delivery_is_refused(world, sender, delivery, reason) -> None:
    body, headers = delivery.body.encode(), sender.headers(delivery)
    if reason == "other secret":
        world.propelauth.webhooks.corrupt_signature = True
        headers = sender.headers(delivery)
        world.propelauth.webhooks.corrupt_signature = False
    bodies = {
        "shortened body": body.replace(b"org.updated", b"org.update"),
        "longer body": body + b"\n",
        "written anew": json.dumps(json.loads(body), indent=2).encode(),
    }
    if reason == "other id":
        headers["svix-id"] = "msg_other"

    assert problem(await sender.post(bodies.get(reason, body), headers)) == REFUSED
    assert untouched(world)


async def test_one_good_signature_among_several_is_enough(sender, delivery) -> None:
    headers = sender.headers(delivery)
    foreign = "v1," + base64.b64encode(b"x" * 32).decode()
    headers["svix-signature"] = f"{foreign} v2,AAAA {headers['svix-signature']}"

    assert (await sender.post(delivery.body.encode(), headers)).status_code == 204


async def test_the_names_of_headers_have_no_case(sender, delivery) -> None:
    headers = {name.upper(): value for name, value in sender.headers(delivery).items()}

    assert (await sender.post(delivery.body.encode(), headers)).status_code == 204


ODD: dict[str, tuple[str, bytes | None]] = {
    **{f"no {name}": (name, None) for name in ("id", "timestamp", "signature")},
    **{
        f"{name} {odd!r}": (name, odd)
        for name in ("id", "timestamp", "signature")
        for odd in (b"", b"\xff\xfe", b"x y")
    },
    **{f"timestamp {odd!r}": ("timestamp", odd) for odd in (b"now", b"-1", b"nan", b"inf", b"1e400", b"9" * 300)},
    **{
        f"signature {odd[:20]!r}": ("signature", odd)
        for odd in (
            b"v1",
            b"v1,",
            b",",
            b"v1,!!!",
            b"v1,AAA",
            b"v1,\xc3\xa9",
            b"v1,a,b",
            b"v1 AAAA",
            b"v1," + b"A" * 9000,
        )
    },
}


@pytest.mark.parametrize("case", ODD)
async def test_malformed_headers_are_refused_without_a_reason(world, sender, delivery, case) -> None:
    name, value = ODD[case]
    headers: Raw = [(key.encode(), text.encode()) for key, text in sender.headers(delivery).items()]
    headers = [each for each in headers if each[0] != f"svix-{name}".encode()]
    if value is not None:
        headers.append((f"svix-{name}".encode(), value))

    assert problem(await sender.post(delivery.body.encode(), headers)) == REFUSED
    assert untouched(world)


async def test_every_header_twice_is_refused_or_read_once_but_never_a_crash(world, sender, delivery) -> None:
    headers: Raw = [(key.encode(), text.encode()) for key, text in sender.headers(delivery).items()]
    others: Raw = [(key, b"x") for key, _ in headers if key.startswith(b"svix")]

    assert problem(await sender.post(delivery.body.encode(), [*others, *headers])) == REFUSED
    assert untouched(world)


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not UTF-8": b'{"event_type": "org.updated\xff"}',
    "a list": b"[]",
    "null": b"null",
    "a number": b"5",
    "no event type": b"{}",
    "an event type that is no text": b'{"event_type": {"$gt": ""}}',
    "nested too deep": b'{"event_type": "x", "a": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "cut": b'{"event_type": "org',
    "NaN": b'{"event_type": NaN}',
}


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
@pytest.mark.parametrize("case", BODIES)
async def test_a_body_that_is_no_event_is_refused_though_it_is_signed(
    world, sender, delivery, case, media_type
) -> None:
    delivery.body = BODIES[case].decode("utf-8", "surrogateescape")
    signed = Delivery(delivery.id, "", BODIES[case].decode("utf-8", "replace"))
    headers = {**sender.headers(signed), "content-type": media_type}

    answer = await sender.post(BODIES[case], headers)

    assert answer.status_code in (400, 422)
    assert untouched(world)


@pytest.mark.parametrize("text", [b"\\ud800", b"\\u0000", b"$where", b"a.b"])
async def test_an_event_type_of_any_text_is_accepted(sender, text) -> None:
    delivery = sender.event("x")
    delivery.body = f'{{"event_type": "{text.decode()}"}}'
    headers = {**sender.headers(delivery), "content-type": "text/plain"}

    assert (await sender.post(delivery.body.encode(), headers)).status_code == 204
    assert sender.stored(delivery)["state"] == "done"


async def test_a_huge_body_is_refused_before_it_is_looked_at(world, sender, delivery) -> None:
    answer = await sender.post(b"x" * (world.settings.server.body_limit + 1), sender.headers(delivery))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert untouched(world)


async def test_nobody_may_read_here(api) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert (await api.request(method, PATH)).status_code == 405


async def test_neither_token_nor_key_takes_the_place_of_a_signature(world, api, ada, delivery) -> None:
    for headers in (ada.headers, {"X-API-Key": "x"}, {"Authorization": f"Bearer {world.propelauth.api_key}"}):
        assert problem(await api.post(PATH, content=delivery.body, headers=headers)) == REFUSED
    assert untouched(world)


@pytest.mark.parametrize(
    "event_type", ["user.login", "user.from_the_future", "org.api_key_deleted", "org.scim_group_created", "", "ö" * 500]
)
async def test_an_event_that_is_not_ours_is_accepted_and_counted(world, sender, event_type) -> None:
    world.propelauth.emulator.forget()
    event = sender.event(event_type, org_id=str(uuid4()), user_id=str(uuid4()))
    before = counted("nothing")

    answer = await sender.deliver(event)

    assert (answer.status_code, counted("nothing")) == (204, before + 1)
    assert sender.stored(event)["state"] == "done"
    assert world.propelauth.emulator.requests == []


@pytest.mark.parametrize(
    "fields",
    [{}, {"org_id": "x"}, {"org_id": 5, "user_id": ["x"]}, {"user_id": "../../employee/1"}, {"org_id": {"$ne": ""}}],
    ids=str,
)
@pytest.mark.parametrize("event_type", ["user.added_to_org", "org.updated", "user.invited_to_org", "user.deleted"])
async def test_an_event_that_does_not_say_whom_it_is_about_asks_nothing(world, sender, event_type, fields) -> None:
    world.propelauth.emulator.forget()
    event = sender.event(event_type, **fields)

    assert (await sender.deliver(event)).status_code == 204
    assert sender.stored(event)["state"] == "done"
    assert world.propelauth.emulator.requests == []


@pytest.mark.parametrize("event_type", ["user.added_to_org", "user.removed_from_org", "org.created", "org.deleted"])
async def test_an_event_about_what_is_nowhere_is_done_and_leaves_nothing(world, sender, event_type) -> None:
    org_id, user_id = str(uuid4()), str(uuid4())
    who = {"removed_user_id" if event_type == "user.removed_from_org" else "user_id": user_id}
    event = sender.event(event_type, org_id=org_id, **who)

    assert (await sender.deliver(event)).status_code == 204
    assert sender.stored(event)["state"] == "done"
    for name in ("organizations", "user_organizations", "audit_log", "membership_changes"):
        assert world.database[name].count_documents({"org_id": org_id}) == 0
    assert world.database["users"].count_documents({"user_id": user_id}) == 0


async def test_the_same_delivery_many_times_acts_once(world, sender, delivery) -> None:
    before = counted("organization")

    answers = await asyncio.gather(*(sender.deliver(delivery, seconds) for seconds in range(-10, 10)))
    again = await sender.deliver(delivery, 20)

    assert {answer.status_code for answer in [*answers, again]} == {204}
    assert len(world.propelauth.emulator.requests) == 1
    assert world.database["webhook_deliveries"].count_documents({}) == 1
    assert counted("organization") == before + 1


async def test_two_events_of_the_same_text_are_two(world, sender, organization) -> None:
    org = await organization("Owner")
    first, second = (sender.event("org.updated", org_id=org.org_id) for _ in range(2))
    world.propelauth.emulator.forget()

    for event in (first, second):
        await sender.deliver(event)

    assert first.body == second.body
    assert len(world.propelauth.emulator.requests) == 2


async def test_a_forged_copy_does_not_take_the_place_of_the_real_delivery(world, sender, delivery) -> None:
    forged = {**sender.headers(delivery), "svix-signature": "v1," + base64.b64encode(b"x" * 32).decode()}

    assert (await sender.post(delivery.body.encode(), forged)).status_code == 400
    assert (await sender.deliver(delivery)).status_code == 204
    assert len(world.propelauth.emulator.requests) == 1


async def test_no_secret_is_in_any_answer_or_document(world, sender, delivery) -> None:
    await sender.deliver(delivery)
    refused = await sender.post(delivery.body.encode(), {**sender.headers(delivery), "svix-id": "msg_other"})

    told = refused.text + str(refused.headers) + str(sender.stored(delivery))
    secret = world.propelauth.webhook_secret
    assert secret not in told
    assert secret.removeprefix("whsec_") not in told
    assert new_secret() != secret
