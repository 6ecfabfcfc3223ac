"""What the stack is made of, piece by piece."""

import asyncio
import json
import socket
import stat
import sys
from pathlib import Path

import pytest

from devstack import demo, ports
from devstack.data_folder import DataFolder, write_private
from devstack.google import GoogleEmulator
from devstack.memory import Memory, StateUnreadable
from devstack.ports import DEFAULTS, PortTaken
from devstack.processes import start_child
from devstack.propelauth import PropelAuthEmulator, RefreshRefused
from devstack.social_refresh import refresher
from devstack.stack import Options, Stack, StackFailed


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.path.mkdir()
    return folder


@pytest.fixture(scope="module")
def vendors() -> tuple[PropelAuthEmulator, GoogleEmulator]:
    propelauth, google = PropelAuthEmulator(), GoogleEmulator()
    google.add_client("client", "secret", [])
    demo.build(propelauth, google, "client")
    return propelauth, google


def test_the_demo_has_people_in_every_role_and_state(vendors: tuple[PropelAuthEmulator, GoogleEmulator]) -> None:
    world = vendors[0].world
    users = list(world.users.values())
    assert len(world.orgs) == 3
    assert len(users) >= 38
    assert {member.role for member in world.memberships} == {"Owner", "Admin", "Member"}
    assert any(member.additional_roles for member in world.memberships)
    assert any(not user.enabled for user in users)
    assert any(user.locked for user in users)
    assert any(not user.email_confirmed for user in users)
    several = [user for user in users if len(vendors[0].memberships_of(user.user_id)) > 1]
    assert len(several) >= 4
    assert len(vendors[0].pending_invites()) < len(world.invites), "one has expired"
    for email in demo.TOUR.values():
        assert vendors[0].user_by_email(email) is not None
    owner = vendors[0].user_by_email(demo.TOUR["owner"])
    assert owner is not None
    assert vendors[0].social_logins(owner.user_id) == []


def test_the_demo_has_every_awkward_kind_of_event(vendors: tuple[PropelAuthEmulator, GoogleEmulator]) -> None:
    calendars = vendors[1].store.calendars
    assert sum(len(calendar.events) for calendar in calendars.values()) > 3000
    bodies = [event.body for event in calendars[demo.TOUR["owner"]].order]
    timed = [body for body in bodies if "dateTime" in body.get("start", {})]
    assert {"workingLocation", "outOfOffice", "focusTime"} <= {body.get("eventType") for body in bodies}
    assert any(body["start"]["dateTime"] == body["end"]["dateTime"] for body in timed)
    assert any(body["status"] == "cancelled" and "recurringEventId" in body for body in bodies)
    assert any(body["status"] != "cancelled" and "recurringEventId" in body for body in bodies)
    assert any(body["status"] == "tentative" for body in bodies)
    assert any(body.get("visibility") == "private" for body in bodies)
    assert any("summary" not in body and "start" in body for body in bodies)
    assert any(len(body.get("summary", "")) > 1000 for body in bodies)
    assert any("<script>" in body.get("description", "") for body in bodies)
    assert any("date" in body.get("start", {}) for body in bodies)
    everybody = [event.body for calendar in calendars.values() for event in calendar.order]
    answers = {guest["responseStatus"] for body in everybody for guest in body.get("attendees", []) if "self" in guest}
    assert {"declined", "tentative", "accepted", "needsAction"} <= answers


def test_the_demo_is_the_same_each_time(vendors: tuple[PropelAuthEmulator, GoogleEmulator]) -> None:
    propelauth, google = PropelAuthEmulator(), GoogleEmulator()
    google.add_client("client", "secret", [])
    demo.build(propelauth, google, "client")
    assert list(propelauth.world.users) == list(vendors[0].world.users)
    for name, calendar in google.store.calendars.items():
        assert list(calendar.events) == list(vendors[1].store.calendars[name].events)


async def test_google_tokens_of_people_who_signed_in_with_google_are_renewed_and_refused_once_revoked(
    vendors: tuple[PropelAuthEmulator, GoogleEmulator],
) -> None:
    propelauth, google = vendors
    admin = propelauth.user_by_email(demo.TOUR["admin"])
    assert admin is not None
    refresh = refresher(propelauth, google, "client")
    fresh = await refresh("google", admin.user_id)
    assert google.grants.valid(fresh["access_token"]) is not None
    google.revoke(admin.email)
    with pytest.raises(RefreshRefused):
        await refresh("google", admin.user_id)
    with pytest.raises(RefreshRefused):
        await refresh("github", admin.user_id)


def test_the_emulators_state_is_kept_privately_and_only_written_when_changed(folder: DataFolder) -> None:
    propelauth, google = PropelAuthEmulator(), GoogleEmulator()
    memory = Memory(folder, google, propelauth)
    assert not memory.restore()
    user = propelauth.add_user("ada@example.com")
    memory.save()
    file = folder.snapshot("propelauth")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.stat().st_ino
    memory.save()
    assert file.stat().st_ino == before
    propelauth.update_user(user.user_id, first_name="Ada")
    memory.save()
    assert file.stat().st_ino != before
    restored = PropelAuthEmulator()
    assert Memory(folder, GoogleEmulator(), restored).restore()
    assert restored.user(user.user_id).first_name == "Ada"
    assert restored.verified_user_id(propelauth.access_token(user.user_id)) == user.user_id


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 0}', "{}"])
def test_a_state_that_cannot_be_read_is_answered_with_a_sentence(folder: DataFolder, content: str) -> None:
    Memory(folder, GoogleEmulator(), PropelAuthEmulator()).save()
    folder.snapshot("google").write_text(content)
    if content == "{}":
        folder.snapshot("google").write_text('{"version": 1}')
    with pytest.raises(StateUnreadable, match="--reset"):
        Memory(folder, GoogleEmulator(), PropelAuthEmulator()).restore()


def test_a_file_for_its_owner_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    path.chmod(0o644)
    (tmp_path / ".a.json.half").write_text("left by a crash")
    write_private(path, b"new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


def test_one_stack_has_a_folder_at_a_time(folder: DataFolder) -> None:
    assert folder.holder() is None
    assert folder.hold()
    other = DataFolder(folder.path)
    assert not other.hold()
    assert other.holder() is not None
    folder.release()
    assert other.holder() is None
    assert other.hold()
    other.release()


def test_a_process_id_left_in_the_folder_is_not_taken_for_a_stack(folder: DataFolder) -> None:
    (folder.path / "devstack.pid").write_text("1\n")
    write_private(folder.description, json.dumps({"pid": 1}).encode())
    assert folder.holder() is None
    assert folder.described() is None
    assert folder.stop_holder(0)


def test_clearing_leaves_what_is_not_of_the_stack(folder: DataFolder) -> None:
    assert folder.hold()
    (folder.mongod / "journal").mkdir(parents=True)
    folder.snapshot("google").write_text("{}")
    (folder.path / "mine.txt").write_text("keep")
    folder.clear()
    assert [path.name for path in folder.path.iterdir()] == ["mine.txt"]


def test_ports_are_those_asked_for_then_those_of_last_time_then_free_ones() -> None:
    said: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        free = ports.choose(dict.fromkeys(DEFAULTS, 0), {}, said.append)
        assert said == []
        assert len(set(free.values())) == len(DEFAULTS)
        assert ports.choose({}, free, said.append) == free
        moved = ports.choose({}, free | {"api": busy}, said.append)
        assert moved["api"] != busy
        assert said == [f"Port {busy} is taken; the API gets {moved['api']}."]
        with pytest.raises(PortTaken, match=str(busy)):
            ports.choose({"google": busy}, free, said.append)


async def test_a_part_that_ends_by_itself_ends_the_stack_with_its_last_words(folder: DataFolder) -> None:
    stack = Stack(Options(folder, mongodb_uri="mongodb://127.0.0.1:9"), lambda _: None)
    program = "import sys; print('the reason'); sys.exit(7)"
    stack.children["api"] = start_child([sys.executable, "-c", program], log=folder.log("api"))
    with pytest.raises(StackFailed, match=r"api ended by itself \(exit code 7\)[\s\S]*the reason"):
        await asyncio.wait_for(stack.watch(asyncio.Event()), 20)
    await stack.stop()
