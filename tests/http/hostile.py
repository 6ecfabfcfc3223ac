"""Bodies and texts made to break a server: what JSON can say and MongoDB, Python or a later reader cannot hold."""

import json


def _deep(opening: str, closing: str, levels: int) -> str:
    return opening * levels + "1" + closing * levels


LEVELS = (65, 100, 179, 180, 200, 249, 250, 255, 256, 500, 900, 990, 1000, 1001, 1500, 5_000, 100_000)
NESTED = [_deep("[", "]", levels) for levels in LEVELS]
NESTED += [_deep('{"a":', "}", levels) for levels in LEVELS[:-1]]
NESTED += [_deep('[{"a":', "}]", levels) for levels in (40, 100, 500, 3000)]
NUMBERS = [
    *(str(2**63), str(-(2**63) - 1), str(2**64), str(10**30), "9" * 309, "9" * 4300, "9" * 4301, "9" * 100_000),
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e309",
        "-1e309",
        "1e999999999",
        "0" * 10 + "1",
        "+1",
        ".5",
        "1.",
        "0x10",
        "--1",
    ),
    *("1_000", "١", "1e", "01", "-", "1 2"),
]
TEXTS = [
    *(
        '"\\ud800"',
        '"\\udfff"',
        '"\\udc00\\ud800"',
        '"a\\u0000b"',
        '"\\u0000"',
        '"\\ud83d"',
        '"\\ude00\\ud83d"',
        '"\\ud800a"',
    ),
    *('"a\nb"', '"\t"', '"\\x41"', '"\\', '"', "'a'", '"\\u12"', '"\x01"', "\ufeff[]", "\ufeff1", "﻿{}"),
]
KEYS = [
    *('{"\\u0000":1}', '{"a\\u0000b":1}', '{"\\ud800":1}', '{"\\udfff\\ud800":{}}', json.dumps({"k" * 1001: 1})),
    *(
        '{"a":{"b\\u0000":1}}',
        '[{"\\udc00":1}]',
        "{1:2}",
        "{a:1}",
        '{"a"}',
        '{"a":}',
        '{"a":1,}',
        "{,}",
        '{"a" 1}',
        "{",
    ),
    *('{"' + "x" * 100_000 + '":1}', '{"a":1}{"b":2}', '{"a":[}', "{'a':1}"),
]
BROKEN = [
    *(
        "",
        " ",
        "\n",
        "[",
        "]",
        "}",
        "[1,]",
        "[,]",
        "nul",
        "True",
        "None",
        "undefined",
        "//",
        "/* */ 1",
        "<a/>",
        "a=1&b=2",
    ),
    *(
        "[1] x",
        "﻿",
        "\u2028",
        "\x00",
        "[\x00]",
        "{}\x00",
        "- 1",
        "[1 2]",
        "truefalse",
        "---\na: 1",
        "!!python/object:os.system",
    ),
]
MANY = ["[" + ",".join("1" * 100_001) + "]", "[" + ",".join(["[]"] * 100_001) + "]"]
BYTES = [
    b"\xff\xfe[\x001\x00]\x00",
    b'"\xff"',
    b'{"\xc0\xaf":1}',
    b'"\xed\xa0\x80"',
    b"\x80",
    b'"\xf5\x80\x80\x80"',
    b"\x1f\x8b\x08",
]

# Never taken, whoever is asked.
REFUSED = [text.encode("utf-8", "surrogatepass") for text in [*NESTED, *NUMBERS, *TEXTS, *KEYS, *BROKEN, *MANY]] + BYTES

# Sound JSON, but no text: refused where a text is asked for, data in a form.
OPERATORS = [
    *(
        {"$gt": ""},
        {"$ne": None},
        {"$where": "sleep(1000)"},
        {"$regex": ".*"},
        {"$in": [1]},
        {"$function": {}},
        ["$gt", ""],
    ),
    *(
        {"$set": {"locked": True}},
        {"$expr": True},
        {"$or": []},
        {"__proto__": 1},
        {"": ""},
        [],
        {},
        [[]],
        0,
        1.5,
        True,
        None,
    ),
    *([{"$gt": ""}], {"$ref": "x", "$id": 1}, {"$date": 1}, {"$oid": "a" * 24}, {"$numberLong": "1"}, {"a.b": 1}),
]
ZONES = [
    *("../../etc/passwd", "tzdata.zi", "x" * 64, "x" * 5000, "posix/UTC", "right/UTC", "localtime", "Factory", "", " "),
    *(
        "/etc/localtime",
        "Europe/Berlin\n",
        "europe/berlin",
        "%00",
        "..",
        ".",
        "Europe",
        "$gt",
        "{}",
        "UTC+25",
        "\u202eUTC",
    ),
]
DATES = [
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "now"),
    *(
        "2026-02-30T00:00:00Z",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T24:00:01Z",
        "1e400",
        "NaN",
        "-1",
        "",
        "$gt",
    ),
    *(
        "2026-13-01T00:00:00Z",
        "2026-01-01T00:00:00+99:99",
        "9" * 400,
        "2026-01-01T00:00:00Z" + "0" * 5000,
        "٢٠٢٦-01-01",
    ),
]
