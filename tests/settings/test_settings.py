"""Settings: each wrong variable is one sentence that names it and never shows it."""

import base64
import os
import re
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from devstack.propelauth import SigningKey
from switchboard.errors import Misconfigured
from switchboard.mongo import connected
from switchboard.settings import MongoSettings, Settings, load_settings, variables

PEM = SigningKey().public_pem
EC_PEM = (
    ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)
GOOD = {
    "MONGODB_URI": "mongodb://127.0.0.1:27017",
    "PROPELAUTH_AUTH_URL": "https://auth.example.com/",
    "PROPELAUTH_API_KEY": "key",
    "PROPELAUTH_VERIFIER_KEY": PEM.replace("\n", "\\n"),
    "PROPELAUTH_WEBHOOK_SECRET": f"whsec_{base64.b64encode(uuid4().bytes).decode()}",
    "SEALING_KEYS": f"k1:{base64.b64encode(uuid4().bytes * 2).decode()}",
    "GOOGLE_CLIENT_ID": "client",
    "GOOGLE_CLIENT_SECRET": "secret",
    "GOOGLE_REDIRECT_URI": "https://api.example.com/v1/calendar/callback",
    "SERVER_FRONT_END_ADDRESS": "https://app.example.com",
}
GROUPS = tuple(f"{group.upper()}_" for group in Settings.model_fields)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Nothing but the good variables, in an empty folder."""
    for name in list(os.environ):
        if name.upper().startswith(GROUPS):
            monkeypatch.delenv(name)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def refused() -> str:
    with pytest.raises(Misconfigured) as caught:
        load_settings()
    assert caught.value.__context__ is None
    return caught.value.message


def test_the_required_variables_are_enough(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()

    assert settings.propelauth.verifier_key == PEM.strip()
    assert settings.propelauth.auth_url == "https://auth.example.com"
    assert not any(secret in repr(settings) for secret in ("27017", "'key'", "'secret'"))


@pytest.mark.parametrize("name", GOOD)
def test_a_required_variable_that_is_not_there_is_said_to_be_missing(
    environment: pytest.MonkeyPatch, name: str
) -> None:
    environment.delenv(name)
    assert refused().startswith(f"{name} is missing.")
    environment.setenv(name, "")
    assert refused().startswith(f"{name} is missing.")


def test_without_any_variable_each_required_one_is_named(environment: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        environment.delenv(name)
    assert {line.split()[0] for line in refused().splitlines()} == set(GOOD)


WRONG = [
    *((name, "ftp://x/{0}") for name in ("PROPELAUTH_AUTH_URL", "GOOGLE_API_ADDRESS", "SERVER_FRONT_END_ADDRESS")),
    *(
        ("GOOGLE_REDIRECT_URI", value)
        for value in ("{0}", "https://", "https://u:{0}@h", "https://[{0}", "http://h:99999")
    ),
    *(("GOOGLE_REDIRECT_URI", "http://h:{0}"), ("SERVER_CORS_ORIGINS", "https://a.example, {0}")),
    *(("PROPELAUTH_VERIFIER_KEY", "{0}"), ("PROPELAUTH_VERIFIER_KEY", EC_PEM.decode())),
    ("PROPELAUTH_VERIFIER_KEY", "-----BEGIN PUBLIC KEY-----\\n{0}\\n-----END PUBLIC KEY-----"),
    ("PROPELAUTH_VERIFIER_KEY", "-----BEGIN PRIVATE KEY-----\\n{0}\\n-----END PRIVATE KEY-----"),
    *(
        ("PROPELAUTH_API_KEY", "  "),
        ("GOOGLE_CLIENT_SECRET", "\t"),
        ("MONGODB_URI", "http://{0}"),
        ("MONGODB_URI", "{0}"),
    ),
    *(("SEALING_KEYS", value) for value in ("{0}", "k1:{0}", "k1:", ":AAAA", "k1", ",")),
    *(("PROPELAUTH_WEBHOOK_SECRET", value) for value in ("{0}", "whsec_", "whsec_{0}!", " ")),
    *(("MONGODB_DATABASE", "a b{0}"), ("MONGODB_USERS_COLLECTION", "${0}"), ("MONGODB_TIMEOUT", "{0}")),
    *(("MONGODB_TIMEOUT", value) for value in ("0", "-1", "nan", "inf", "1e9")),
    *(("SERVER_PORT", value) for value in ("{0}", "-1", "65536", "1.5", "9" * 5000)),
    *(("SERVER_WORKERS", "0"), ("SERVER_BODY_LIMIT", "1"), ("SERVER_DOCUMENTATION", "{0}"), ("LOG_LEVEL", "{0}")),
    *(
        ("LOG_FORMAT", "{0}"),
        ("CALENDAR_PAST_DAYS", "0"),
        ("ORGANIZATION_RECONCILE_SECONDS", "1"),
        ("CALENDAR_PAGE_SIZE", "{0}"),
        ("GOOGLE_TIMEOUT", "{0}"),
    ),
]


@pytest.mark.parametrize(("name", "template"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_variable_is_one_sentence_without_its_value(
    environment: pytest.MonkeyPatch, name: str, template: str
) -> None:
    secret = f"canary{uuid4().hex}"
    environment.setenv(name, template.replace("{0}", secret))

    sentence = refused()

    assert re.fullmatch(rf"{name} (must|has|is) [^\n]+\.", sentence), sentence
    assert secret not in sentence
    assert not any(word in sentence for word in ("Input", "pydantic", "String", "parse", "instance", "valid"))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("SERVER_WORKER", "SERVER_WORKERS"), ("MONGODB_URL", "MONGODB_URI"), ("LOG_LVEL", "LOG_LEVEL")),
        *(("CALENDER_PAST_DAYS", "CALENDAR_PAST_DAYS"), ("SERVERS_WORKERS", "SERVER_WORKERS")),
        *(("PROPELAUTH_APIKEY", "PROPELAUTH_API_KEY"), ("GOOGLE_CLIENTSECRET", "GOOGLE_CLIENT_SECRET")),
        ("server__port", "SERVER_PORT"),
    ],
)
def test_a_misspelt_variable_refuses_with_a_hint(environment: pytest.MonkeyPatch, name: str, meant: str) -> None:
    environment.setenv(name, "canary")

    assert refused() == f"{name.upper()} is not a setting. Did you mean {meant}?"


def test_a_missing_variable_is_looked_for_under_similar_names(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("PROPELAUTH_API_KEY")
    environment.setenv("PROPEL_AUTH_API_KEY", "x")

    assert refused() == "PROPELAUTH_API_KEY is missing. Did you mean PROPEL_AUTH_API_KEY?"


@pytest.mark.parametrize(
    "name",
    [
        *("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GOOGLE_API_KEY", "SERVER_SOFTWARE", "LOGNAME"),
        *("LOG", "SERVER", "GOOGLE", "MONGODB", "CALENDAR", "SERVERLESS", "PORT", "HOST", "CALENDARS", "LOGGING_LEVEL"),
    ],
)
def test_variables_of_others_pass(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "whatever {")

    assert load_settings().server.port == 8000


def test_origins_are_read_from_text_with_commas_and_from_a_list(environment: pytest.MonkeyPatch) -> None:
    for text in ("https://a.example, https://b.example/", '["https://a.example", "https://b.example"]'):
        environment.setenv("SERVER_CORS_ORIGINS", text)
        assert load_settings().server.cors_origins == ("https://a.example", "https://b.example")


def test_a_file_is_read_and_the_environment_wins(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = [*(f'{name}="{value}"' for name, value in GOOD.items()), "SERVER_PORT=9001", "LOG_LEVEL=DEBUG", "OTHER=1"]
    (tmp_path / ".env").write_text("\n".join(lines))
    for name in GOOD:
        environment.delenv(name)
    environment.setenv("SERVER_PORT", "9002")

    settings = load_settings()

    assert (settings.server.port, settings.log.level, settings.propelauth.verifier_key) == (9002, "debug", PEM.strip())
    with (tmp_path / ".env").open("a") as file:
        file.write("\nSERVER_PROT=1\n")
    assert refused() == "SERVER_PROT is not a setting. Did you mean SERVER_PORT?"


def test_every_group_and_field_is_one_variable() -> None:
    assert len(set(variables())) == len(list(variables())) > 30
    assert set(GOOD) < set(variables())


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "mongodb://u:p@ss:{0}@h/",
            "mongodb://u:{0}/x@h/",
            "mongodb://h:{0}",
            "mongodb://",
            "mongodb://[::{0}",
            "mongodb://h/{0} b",
        ),
        *("mongodb://u:%zz{0}@h/", "mongodb://h/?tls=true&tlsCAFile=/nowhere/{0}", "mongodb+srv://a.b.c:1/{0}"),
        *("mongodb://h/?tlsInsecure=true&tlsAllowInvalidCertificates=true&appName={0}", "mongodb://,,/{0}"),
    ],
)
async def test_an_address_the_driver_refuses_is_a_sentence_without_the_address(uri: str) -> None:
    secret = f"canary{uuid4().hex}"
    with pytest.raises(Misconfigured) as caught:
        async with connected(MongoSettings.model_validate({"uri": uri.format(secret)})):
            pass
    assert caught.value.message.startswith("MONGODB_URI ")
    assert secret not in caught.value.message
    assert "\n" not in caught.value.message
