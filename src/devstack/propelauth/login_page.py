"""The hosted sign-in page: a list of users, a click signs in."""

from collections.abc import Iterable, Mapping
from html import escape

from devstack.propelauth.model import User

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in</title>
<style>
  :root {{ color-scheme: light dark; --ink: #16181d; --soft: #667085; --line: #e4e7ec; --card: #fff; --back: #f5f6f8; }}
  @media (prefers-color-scheme: dark) {{
    :root {{ --ink: #f2f4f7; --soft: #98a2b3; --line: #344054; --card: #1d2330; --back: #12161f; }}
  }}
  body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--back);
         color: var(--ink); font: 16px/1.4 system-ui, sans-serif; }}
  main {{ width: min(26rem, 92vw); background: var(--card); border: 1px solid var(--line); border-radius: 14px;
         padding: 1.75rem; box-shadow: 0 8px 30px rgb(0 0 0 / .07); }}
  h1 {{ font-size: 1.25rem; margin: 0 0 .25rem; }}
  p {{ color: var(--soft); margin: 0 0 1.25rem; font-size: .9rem; }}
  button {{ width: 100%; display: block; text-align: left; background: none; color: inherit; font: inherit;
           border: 1px solid var(--line); border-radius: 10px;
           padding: .7rem .9rem; margin: 0 0 .6rem; cursor: pointer; }}
  button:hover, button:focus-visible {{ border-color: #4f6ef7; outline: none; }}
  small {{ display: block; color: var(--soft); }}
</style>
</head>
<body>
<main>
<h1>Sign in</h1>
<p>Local stand-in for the hosted sign-in page. Choose who to be.</p>
<form method="post" action="/login">
<input type="hidden" name="redirect_to" value="{redirect_to}">
{buttons}
</form>
</main>
</body>
</html>
"""

_BUTTON = (
    '<button name="user_id" value="{user_id}"><strong>{name}</strong>'
    "<small>{email}</small><small>{roles}</small></button>"
)


def login_page(users: Iterable[User], roles: Mapping[str, str], redirect_to: str) -> str:
    """`roles` says in words what each user is where."""
    buttons = [_button(user, roles[user.user_id]) for user in users]
    nobody = "<p>There are no users yet.</p>"
    return _PAGE.format(redirect_to=escape(redirect_to), buttons="\n".join(buttons) or nobody)


def _button(user: User, roles: str) -> str:
    name = " ".join(part for part in (user.first_name, user.last_name) if part) or user.email
    values = {"user_id": user.user_id, "name": name, "email": user.email, "roles": roles or "in no organization"}
    return _BUTTON.format(**{key: escape(value) for key, value in values.items()})
