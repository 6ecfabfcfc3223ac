"""Many deliveries, each several times and in any order, with forged and old ones among them."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass
from uuid import uuid4

from devstack.propelauth import Delivery
from devstack.propelauth.webhooks import ATTEMPT_TIMEOUT
from tests.mirror import here, miscounted, there
from tests.organizations.conftest import Organization
from tests.webhooks.conftest import Sender

DELIVERIES = 120
COPIES = 3
BAD = 0.05  # of each kind
AT_ONCE = 8


@dataclass
class Post:
    """What is sent, and whether it is to be believed."""

    body: bytes
    headers: dict[str, str]
    good: bool


def changes(org: Organization, count: int) -> list[Delivery]:
    """So many events: some lead to a look, most are about what is not mirrored."""
    vendor = org.world.propelauth
    vendor.deliveries.clear()
    people = [org.add("Member") for _ in range(20)]
    while len(vendor.deliveries) < count:
        number = len(vendor.deliveries)
        person = people[number // 10 % len(people)]
        if number % 10 == 0:
            vendor.change_role(org.org_id, person.user_id, random.choice(["Owner", "Admin", "Member"]))
        elif number % 10 == 5:
            vendor.update_org(org.org_id, name=f"Org {uuid4().hex}")
        else:
            vendor.webhooks.emit("user.login", user_id=person.user_id)
    return list(vendor.deliveries)


def posts(sender: Sender, org: Organization, events: list[Delivery]) -> list[Post]:
    made = [Post(each.body.encode(), sender.headers(each), True) for each in events for _ in range(COPIES)]
    webhooks = sender.world.propelauth.webhooks
    for number in range(int(len(made) * BAD)):
        late = sender.event("org.updated", org_id=org.org_id)
        made.append(Post(late.body.encode(), sender.headers(late, -301 - number), False))
        forged = sender.event("org.deleted", org_id=org.org_id)
        webhooks.corrupt_signature = True
        made.append(Post(forged.body.encode(), sender.headers(forged), False))
        webhooks.corrupt_signature = False
    random.shuffle(made)
    return made


async def test_every_good_delivery_acts_once_and_no_other_at_all(world, sender, organization) -> None:
    org: Organization = await organization("Owner")
    events = changes(org, DELIVERIES)
    waiting = posts(sender, org, events)
    total = len(waiting)
    world.propelauth.emulator.forget()
    answers: Counter[tuple[bool, int]] = Counter()
    seconds = []

    async def send() -> None:
        while waiting:
            post = waiting.pop()
            started = time.perf_counter()
            answer = await sender.post(post.body, post.headers)
            seconds.append(time.perf_counter() - started)
            answers[post.good, answer.status_code] += 1

    await asyncio.gather(*(send() for _ in range(AT_ONCE)))

    assert answers == {(True, 204): DELIVERIES * COPIES, (False, 400): total - DELIVERIES * COPIES}
    kept = Counter(each["state"] for each in world.database["webhook_deliveries"].find())
    assert kept == {"done": DELIVERIES}
    looks = sum(each.event_type != "user.login" for each in events)
    assert len(world.propelauth.emulator.asked("/user/")) + len(world.propelauth.emulator.asked("/org/")) == looks
    assert here(world.database, org.org_id) == there(world.propelauth, org.org_id)
    assert miscounted(world.database, org.org_id) == []
    assert max(seconds) < ATTEMPT_TIMEOUT / 3  # the sender waits no longer
