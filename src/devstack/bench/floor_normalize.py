"""The barest loop that reads users, changes each and writes it: batches by `_id`, one bulk write a batch, no checks.

`python -m devstack.bench.floor_normalize URI DATABASE`.
"""

import sys
from typing import Any

from pymongo import MongoClient, UpdateOne

BATCH = 1000


def main(uri: str, database: str) -> None:
    with MongoClient[dict[str, Any]](uri, w="majority", journal=True) as client:
        users = client[database]["users"]
        which: dict[str, Any] = {}
        while found := list(users.find(which, sort=[("_id", 1)], limit=BATCH)):
            users.bulk_write([UpdateOne({"_id": each["_id"]}, {"$set": _clean(each)}) for each in found], ordered=False)
            which = {"_id": {"$gt": found[-1]["_id"]}}


def _clean(stored: dict[str, Any]) -> dict[str, Any]:
    scope, expiration = stored.get("scope") or [], stored.get("token_expiration") or 0
    return {"scope": scope.split() if isinstance(scope, str) else scope, "token_expiration": int(expiration)}


if __name__ == "__main__":
    main(*sys.argv[1:])
