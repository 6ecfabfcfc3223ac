"""A back-fill that is killed, stopped or kept waiting goes on after what is done."""

import signal
import time
from collections.abc import Sequence
from typing import Any

from devstack.emulator import Fault, RecordedRequest
from tests.backfill.projects import Project, told
from tests.operators import Ended
from tests.world import eventually

NAMES = tuple(f"Org{number}" for number in range(6))


def looked_at(project: Project) -> list[str]:
    """Organizations in the order in which they were asked for."""
    found = [request.path.rpartition("/")[2] for request in project.propelauth.emulator.asked(r"/org/[0-9a-f-]{36}$")]
    return list(dict.fromkeys(each for each in found if "/user/org/" not in each))


async def stopped_in_the_middle(
    project: Project, how: signal.Signals, after: Sequence[str] = ()
) -> tuple[Ended, list[str]]:
    """End a back-fill after it finished one more organization than those; how it ended, and all that are finished."""
    process = await project.operator.start("backfill", "--requests-per-second", "20")
    runs, last = project.database["runs"], max(after, default="")
    further = {"position.phase": "organizations", "position.after": {"$gt": last}}
    await eventually(lambda: runs.count_documents(further), 30)
    process.send_signal(how)
    ended = await project.operator.end(process)
    reached = runs.find_one()["position"]["after"]
    return ended, [org_id for org_id in sorted(project.propelauth.world.orgs) if org_id <= reached]


async def test_after_a_kill_and_after_ctrl_c_it_goes_on_after_the_last_finished_organization(project: Project) -> None:
    for name in NAMES:
        project.organization(name)
    killed, at_first = await stopped_in_the_middle(project, signal.SIGKILL)
    project.let_time_pass()
    stopped, finished = await stopped_in_the_middle(project, signal.SIGINT, after=at_first)
    late = project.propelauth.add_org("Late", org_id="00000000-0000-4000-8000-000000000000")
    project.propelauth.emulator.forget()

    ended = await project.filled()

    assert (killed.code, stopped.code, ended.code) == (-9, 130, 0)
    assert stopped.err == "Stopped. What was done is kept; the same command goes on from there.\n"
    assert 0 < len(at_first) < len(finished) < len(NAMES)
    assert set(looked_at(project)) == project.propelauth.world.orgs.keys() - set(finished)
    assert late.org_id < min(finished)
    assert (ended.report["counted"]["organizations"], ended.report["remaining"]) == (len(NAMES) + 1, [])
    assert told(ended.report["found"])["organization", "", "missing_here"] == len(NAMES) + 1
    assert project.is_mirrored()
    assert [run["state"] for run in project.database["runs"].find()] == ["done"]


class Timed(list[RecordedRequest]):
    """Requests, with when each came."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, request: RecordedRequest) -> None:
        self.times.append(time.monotonic())
        super().append(request)


async def test_no_more_requests_than_told_come_in_any_second_and_who_asks_to_wait_is_waited_for(
    project: Project,
) -> None:
    project.organization("Acme")
    requests = project.propelauth.emulator.requests = Timed()
    busy = Fault(r"/user/query", status=429, headers={"Retry-After": "1"}, body="slow down", content_type="text/plain")
    project.propelauth.emulator.fail(busy)
    project.propelauth.emulator.fail(Fault(r"/pending_org_invites", status=503))

    ended = await project.operator.run("backfill", "--json", "--requests-per-second", "10")

    times = requests.times
    assert (ended.code, ended.report["requests"], ended.report["repeated"]) == (0, len(times), 2)
    assert all(sum(begin <= each < begin + 1 for each in times) <= 11 for begin in times)
    first, second = (n for n, request in enumerate(requests[:2]) if request.path.endswith("/user/query"))
    assert times[second] - times[first] > 0.9
    assert project.is_mirrored()


async def test_that_propelauth_is_down_or_refuses_the_key_is_a_sentence_and_the_run_stays(project: Project) -> None:
    project.organization("Acme")
    project.propelauth.emulator.fail(Fault(r"/org/query", times=None, status=503, headers={"Retry-After": "0"}))
    down = await project.filled()
    left: Any = project.database["runs"].find_one()
    wrong = await project.operator.run("backfill", "--dry-run", PROPELAUTH_API_KEY="sk-wrong-canary")

    assert (down.code, down.out) == (1, "")
    assert down.err == "PropelAuth does not answer right now. Try again in a moment.\n"
    assert (wrong.code, wrong.out, wrong.err) == (1, "", "PropelAuth does not accept PROPELAUTH_API_KEY.\n")
    assert (left["state"], left["position"]["phase"]) == ("stopped", "organizations")


async def test_a_back_fill_does_not_go_on_with_the_settings_of_another_project(project: Project) -> None:
    for name in NAMES:
        project.organization(name)
    await stopped_in_the_middle(project, signal.SIGINT)
    before = project.database["organizations"].count_documents({})

    elsewhere = await project.operator.run("backfill", PROPELAUTH_AUTH_URL="https://auth.another.example.com")

    assert (elsewhere.code, before > 0) == (1, True)
    assert elsewhere.err.startswith("A run of backfill with other options (project=")
    assert project.database["organizations"].count_documents({}) == before
