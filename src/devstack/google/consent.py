"""The consent page a person clicks through, and the page for requests that cannot be answered."""

from collections.abc import Mapping
from html import escape

from devstack.google.authorization import requested
from devstack.google.state import Account

SCOPE_TEXTS = {
    "openid": "Associate you with your personal info",
    "https://www.googleapis.com/auth/userinfo.email": "See your primary email address",
    "https://www.googleapis.com/auth/userinfo.profile": "See your personal info",
    "https://www.googleapis.com/auth/calendar": "See, edit, share, and permanently delete all your calendars",
    "https://www.googleapis.com/auth/calendar.readonly": "See and download any calendar you can access",
    "https://www.googleapis.com/auth/calendar.events": "View and edit events on all your calendars",
    "https://www.googleapis.com/auth/calendar.events.readonly": "View events on all your calendars",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly": "See the list of calendars you're subscribed to",
    "https://www.googleapis.com/auth/calendar.freebusy": "View your availability in your calendars",
}
IDENTITY = (
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
)

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f0f3f8; color: #1f2328;
       font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; padding: 24px; }
main { width: 100%; max-width: 480px; background: #fff; border-radius: 20px; padding: 36px 40px 32px;
       box-shadow: 0 1px 2px rgba(20, 30, 60, .08), 0 12px 36px rgba(20, 30, 60, .1); }
header { display: flex; align-items: center; gap: 10px; color: #57606a; font-size: 14px; margin-bottom: 24px; }
header span { width: 26px; height: 26px; border-radius: 8px; background: linear-gradient(135deg, #3b6ef5, #35b58b); }
h1 { font-size: 25px; line-height: 1.25; font-weight: 600; margin: 0 0 8px; }
p { margin: 0 0 20px; color: #57606a; }
strong { color: #1f2328; font-weight: 600; }
fieldset { border: 0; padding: 0; margin: 0 0 24px; }
legend { font-size: 14px; font-weight: 600; padding: 0; margin-bottom: 8px; }
select { width: 100%; font: inherit; padding: 11px 12px; border: 1px solid #c5cdd8; border-radius: 10px;
         background: #fff; color: inherit; }
label.scope { display: flex; gap: 14px; align-items: flex-start; padding: 12px 14px; border: 1px solid #e1e6ed;
              border-radius: 12px; margin-bottom: 8px; cursor: pointer; }
label.scope:hover { background: #f7f9fc; }
label.scope input { width: 18px; height: 18px; margin: 4px 0 0; accent-color: #2f5fe0; flex: none; }
label.scope small { display: block; color: #6b7480; font-size: 12.5px; overflow-wrap: anywhere; }
footer { display: flex; justify-content: flex-end; gap: 12px; }
button { font: inherit; font-weight: 600; border-radius: 999px; padding: 10px 26px; border: 1px solid #c5cdd8;
         background: #fff; color: #2f5fe0; cursor: pointer; }
button.allow { background: #2f5fe0; border-color: #2f5fe0; color: #fff; }
button:focus-visible, select:focus-visible, input:focus-visible { outline: 3px solid #9db7ff; outline-offset: 2px; }
code { background: #f0f3f8; padding: 2px 8px; border-radius: 6px; font-size: 14px; }
"""


def _document(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        "<header><span></span>Google emulator &middot; local development</header>"
        f"{content}</main></body></html>"
    )


def consent_page(parameters: Mapping[str, str], accounts: list[Account]) -> str:
    """The form posts to the same address; the request's parameters travel in hidden fields."""
    hidden = "".join(
        f'<input type="hidden" name="p:{escape(name)}" value="{escape(value)}">' for name, value in parameters.items()
    )
    scopes = "".join(_scope(scope) for scope in requested(parameters))
    content = f"""
<h1>Allow access to your Google data?</h1>
<p><strong>{escape(parameters["client_id"])}</strong> asks for the access below. Untick what you keep to yourself.</p>
<form method="post" action="/o/oauth2/v2/auth">{hidden}
<fieldset><legend><label for="email">Account</label></legend>
<select id="email" name="email">{_options(accounts, parameters.get("login_hint", ""))}</select></fieldset>
<fieldset><legend>What it may do</legend>{scopes}</fieldset>
<footer><button name="decision" value="cancel">Cancel</button>
<button class="allow" name="decision" value="allow">Allow</button></footer></form>"""
    return _document("Allow access", content)


def _options(accounts: list[Account], hint: str) -> str:
    return "".join(
        f'<option value="{escape(account.email)}"{" selected" if hint.lower() in (account.email, account.sub) else ""}>'
        f"{escape(account.name or account.email)} &lt;{escape(account.email)}&gt;</option>"
        for account in accounts
    )


def _scope(scope: str) -> str:
    fixed = scope in IDENTITY
    box = f'<input type="checkbox" name="granted" value="{escape(scope)}" checked>'
    if fixed:
        box = f'<input type="hidden" name="granted" value="{escape(scope)}"><input type="checkbox" checked disabled>'
    text = SCOPE_TEXTS.get(scope, scope.rpartition("/")[2])
    return f'<label class="scope">{box}<span>{escape(text)}<small>{escape(scope.removeprefix("https://www."))}</small></span></label>'


def refusal_page(error: str, message: str) -> str:
    content = f"<h1>Access blocked</h1><p>{escape(message)}</p><p>Error 400: <code>{escape(error)}</code></p>"
    return _document("Access blocked", content)
