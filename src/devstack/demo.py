"""Demo people, organizations and invites; the same ones each time, their calendars relative to today.

Three organizations, people in every role and state, some of them linked with Google at PropelAuth. The four people
of the tour have addresses that do not change.
"""

import random
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from devstack import demo_calendars
from devstack.google import GoogleEmulator
from devstack.propelauth import Invite, PropelAuthEmulator, User
from devstack.social_refresh import social_token

SEED = 20_240_229
DAY = 86_400
SIGN_IN_SCOPES = ("openid", "email", "profile")
CALENDAR_SCOPES = (
    *SIGN_IN_SCOPES,
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/calendar.events",
)
TOUR = {
    "owner": "olivia.moreau@northwind.example",
    "admin": "arjun.mehta@northwind.example",
    "member": "mina.tanaka@northwind.example",
    "stranger": "sasha.novak@elsewhere.example",
}
ADDITIONAL_ROLES: dict[str, list[str]] = {"agent_editor": [], "analyst": []}


@dataclass(frozen=True)
class Demo:
    """What the parts of the demo data share."""

    propelauth: PropelAuthEmulator
    google: GoogleEmulator
    client_id: str
    random: random.Random

    def user_id(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))


# Name, zone of the Google account ("" for none), link at PropelAuth (c: calendar, s: sign-in only, -: none), role.
# The e-mail's domain is the organization's.
NORTHWIND = """
Olivia Moreau|Europe/Paris|-|Owner
Arjun Mehta|Asia/Kolkata|c|Admin
Mina Tanaka|Asia/Tokyo|-|Member
Priya Raman|Asia/Kolkata|c|Owner
Lars Lindqvist|Europe/Stockholm|s|Admin
Amara Okafor|Africa/Lagos|c|Member agent_editor
Diego Fuentes|America/Mexico_City|c|Member analyst
Hannah Weiss|Europe/Berlin|c|Member agent_editor analyst
Noah Whitfield|America/New_York|-|Member
Zoë Brûlé-Ångström|Europe/Brussels|-|Member
Kiran Desai|Asia/Kathmandu|c|Member
Tomasz Zieliński|Europe/Warsaw|-|Member
Grace O'Malley|Europe/Dublin|-|Member
Yusuf Demir|Europe/Istanbul|s|Member
Mei Lin|Asia/Shanghai|-|Member
Ravi Iyer|Asia/Kolkata||Member
Chloe Martin|America/Toronto|-|Member
Ewan MacLeod|Europe/London||Member
"""
HARBOR = """
Helena Costa|America/Sao_Paulo|c|Owner
Victor Almeida|America/Sao_Paulo|-|Admin
Beatriz Rocha|America/Sao_Paulo|-|Member
Samuel Adeyemi|Europe/London|c|Member
Ingrid Solheim|Europe/Oslo|-|Member agent_editor
Jack Thornton|Australia/Lord_Howe|-|Member
Leila Haddad|Asia/Beirut|-|Member
Marco Bianchi|Europe/Rome||Member
Nadia Petrova|Europe/Sofia|-|Member
Oscar Nyström|Europe/Helsinki||Member
Quinn Parker|America/Los_Angeles|s|Member
Rosa Delgado|Europe/Madrid|-|Member
"""
LUMEN = """
Theo Laurent|Europe/Paris|c|Owner
Uma Krishnan|Asia/Singapore|-|Admin
Wanjiru Kamau|Africa/Nairobi|-|Member
Xavier Dubois|Europe/Zurich||Member
Yara Mansour|Africa/Cairo|-|Member analyst
Bo Li|Asia/Hong_Kong|-|Member
"""
NOWHERE = """
Sasha Novak|Europe/Prague|-|
Nika Horvat||-|
Pending Confirmation||-|
"""
SECOND_ORGANIZATIONS = (
    ("priya.raman@northwind.example", "Harbor Dental", "Admin"),
    ("hannah.weiss@northwind.example", "Lumen Travel", "Member"),
    ("diego.fuentes@northwind.example", "Harbor Dental", "Member"),
    ("theo.laurent@lumen.example", "Northwind Voice", "Member"),
    ("helena.costa@harbor.example", "Lumen Travel", "Admin"),
)


def build(propelauth: PropelAuthEmulator, google: GoogleEmulator, client_id: str) -> None:
    """Fill two new emulators. Takes about a second."""
    demo = Demo(propelauth, google, client_id, random.Random(SEED))
    propelauth.settings.multi_role = True
    propelauth.settings.roles |= ADDITIONAL_ROLES
    northwind = _organization(demo, "Northwind Voice", "northwind.example", NORTHWIND)
    harbor = _organization(demo, "Harbor Dental", "harbor.example", HARBOR)
    lumen = _organization(demo, "Lumen Travel", "lumen.example", LUMEN)
    for line in NOWHERE.strip().splitlines():
        _person(demo, line, "elsewhere.example")
    organizations = {"Northwind Voice": northwind, "Harbor Dental": harbor, "Lumen Travel": lumen}
    for email, name, role in SECOND_ORGANIZATIONS:
        propelauth.add_member(organizations[name], _user(demo, email).user_id, role)
    propelauth.update_org(northwind, domain="northwind.example", domain_autojoin=True, max_users=25)
    propelauth.update_org(harbor, domain="harbor.example", max_users=14, metadata={"plan": "full"})
    propelauth.update_org(lumen, domain="lumen.example", extra_domains=["lumen-travel.example"], can_setup_saml=True)
    _states(demo)
    _invites(demo, northwind, harbor, lumen)
    demo_calendars.fill(google, demo.random, datetime.now(UTC))
    propelauth.webhooks.deliveries.clear()  # nobody listened while it was made


def _organization(demo: Demo, name: str, domain: str, people: str) -> str:
    org_id = demo.propelauth.add_org(name, org_id=demo.user_id()).org_id
    for line in people.strip().splitlines():
        user = _person(demo, line, domain)
        role, *additional = line.split("|")[3].split()
        demo.propelauth.add_member(org_id, user.user_id, role, additional)
    return org_id


def _person(demo: Demo, line: str, domain: str) -> User:
    name, zone, link, _ = line.split("|")
    first, _, last = name.partition(" ")
    email = f"{_plain(first)}.{_plain(last)}@{domain}"
    user = demo.propelauth.add_user(email, user_id=demo.user_id(), first_name=first, last_name=last, password=not link)
    user.created_at = int(time.time()) - demo.random.randrange(20, 900) * DAY
    user.last_active_at = int(time.time()) - demo.random.randrange(0, 20 * DAY)
    if zone:
        demo.google.add_account(email, name, zone)
    if link in ("c", "s"):
        scopes = CALENDAR_SCOPES if link == "c" else SIGN_IN_SCOPES
        user.has_password = False
        demo.propelauth.link_social(
            user.user_id, "google", social_token(demo.google.grant(email, demo.client_id, scopes))
        )
    return user


def _plain(name: str) -> str:
    """As people write their names in addresses."""
    accents = str.maketrans("ëûéÅåöń", "eueAaon")
    return "".join(letter for letter in name.translate(accents).lower() if letter.isascii() and letter.isalnum())


def _user(demo: Demo, email: str) -> User:
    user = demo.propelauth.user_by_email(email)
    if user is None:
        raise LookupError(email)
    return user


def _states(demo: Demo) -> None:
    """People in the states that a front end has to show and a backend has to survive."""
    propelauth = demo.propelauth
    propelauth.disable_user(_user(demo, "ravi.iyer@northwind.example").user_id)
    _user(demo, "oscar.nystrom@harbor.example").locked = True
    _user(demo, "pending.confirmation@elsewhere.example").email_confirmed = False
    _user(demo, "yara.mansour@lumen.example").mfa_enabled = True
    _user(demo, "jack.thornton@harbor.example").can_create_orgs = False
    _user(demo, "bo.li@lumen.example").update_password_required = True
    nameless = _user(demo, "nika.horvat@elsewhere.example")
    nameless.first_name = nameless.last_name = None
    mina = _user(demo, TOUR["member"]).user_id
    propelauth.update_user(mina, username="mina", picture_url="https://pictures.example/mina.png")
    propelauth.update_user(_user(demo, "theo.laurent@lumen.example").user_id, legacy_user_id="legacy-17")


def _invites(demo: Demo, northwind: str, harbor: str, lumen: str) -> None:
    propelauth = demo.propelauth
    invited = [
        propelauth.invite("nika.horvat@elsewhere.example", northwind, "Member", ["agent_editor"]),
        propelauth.invite("new.colleague@northwind.example", northwind, "Admin"),
        propelauth.invite("mina.tanaka@northwind.example", harbor, "Member"),
        propelauth.invite("bo.li@lumen.example", harbor, "Member"),
        propelauth.invite("First.Last+Tag@Lumen-Travel.example", lumen, "Member", ["analyst"]),
    ]
    inviters = {northwind: TOUR["owner"], harbor: "helena.costa@harbor.example", lumen: "theo.laurent@lumen.example"}
    for invite in invited:
        invite.inviter_user_id = _user(demo, inviters[invite.org_id]).user_id
    long_ago = int(time.time()) - 30 * DAY
    propelauth.world.invites.append(
        Invite("too.late@harbor.example", harbor, "Member", long_ago, long_ago + 5 * DAY)  # expired
    )
