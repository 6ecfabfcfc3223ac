"""Which steps were applied to this database."""

from datetime import datetime
from typing import Annotated, ClassVar

from beanie import Document
from pydantic import BaseModel
from pymongo import ASCENDING, IndexModel

from switchboard.annotations import Reference
from switchboard.mongo import collection, query


class AppliedStep(BaseModel):
    """A step that was applied: by which run, when (UTC), and the checksum of its module then."""

    number: int
    name: str
    checksum: str
    run_id: Annotated[str, Reference("Run", "keep")]
    applied_at: datetime


class AppliedStepDocument(AppliedStep, Document):
    class Settings:
        name: ClassVar[str] = "applied_steps"
        indexes: ClassVar[list[IndexModel]] = [IndexModel([("number", ASCENDING)], unique=True, name="number_unique")]

    @classmethod
    @query
    async def all(cls) -> list[AppliedStep]:  # type: ignore[override]
        """By number."""
        found = collection(cls).find({}, sort=[("number", ASCENDING)])
        return [AppliedStep.model_validate(stored) async for stored in found]

    @classmethod
    @query
    async def of_run(cls, run_id: str) -> AppliedStep | None:
        """The step that this run applied."""
        stored = await collection(cls).find_one({"run_id": run_id})
        return None if stored is None else AppliedStep.model_validate(stored)

    @classmethod
    @query
    async def add(cls, step: AppliedStep) -> None:
        """Say that it was applied; once is enough."""
        which = {"number": step.number}
        await collection(cls).update_one(which, {"$setOnInsert": step.model_dump(exclude={"number"})}, upsert=True)

    @classmethod
    @query
    async def remove(cls, number: int) -> None:
        await collection(cls).delete_one({"number": number})
