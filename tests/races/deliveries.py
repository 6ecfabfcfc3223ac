"""A webhook that is delivered again and again at the same time is acted on once."""

import time
from collections.abc import Sequence

from tests.races.play import CALLERS, End, Race, Start
from tests.races.scene import Call, Scene, scene


class WebhookReplay(Race):
    """Somebody joined at PropelAuth, past us, and every process is told at once, under one delivery id."""

    name = "webhook_replay"

    async def prepare(self, start: Start) -> Scene:
        propelauth = start.cluster.propelauth
        made = await scene(start.cluster, ["Owner"], 1)
        propelauth.add_member(made.org_id, made.strangers[0].user_id, "Admin")
        delivery = propelauth.deliveries[-1]
        made.extra["headers"] = propelauth.webhooks.signed_headers(delivery, time.time())
        made.extra["body"] = delivery.body.encode()
        return made

    def calls(self, scene: Scene) -> Sequence[Call]:
        headers, body = scene.extra["headers"], scene.extra["body"]
        return [Call("deliver", None, "POST", "/v1/webhooks/propelauth", body, headers)] * CALLERS

    def violations(self, end: End) -> list[str]:
        who = end.scene.strangers[0]
        looks = len(end.cluster.propelauth.emulator.asked(f"/user/{who.user_id}"))
        noted = end.audit["member.joined"] - 1  # the Owner's own
        wrong = [f"a delivery was answered {told}" for told in end.told.keys() - {"deliver 204"}]
        if not end.found.member(who):
            wrong.append("the new member is not known here")
        for what, times in (("looked into", looks), ("noted in the audit log", noted)):
            if times != 1:
                wrong.append(f"one delivery was {what} {times} times")
        return wrong
