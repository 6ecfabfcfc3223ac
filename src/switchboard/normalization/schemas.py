"""What a normalisation tells an operator."""

from collections.abc import Iterator
from typing import Any, Final, Self

from pydantic import BaseModel

from switchboard.normalization.model import Options, Tally
from switchboard.normalization.service import Normalization

_WORDS: Final = {
    "scope_to_list": "scopes from one text to a list",
    "scopes_to_scope": "scopes from the older field to 'scope'",
    "expiration_to_int": "the expiry of the tokens to a whole number",
    "date_to_date": "dates from numbers and texts to dates",
    "created_at_from_id": "the time of creation, from the id",
    "access_from_scopes": "calendar access, from the scopes",
    "obsolete_removed": "obsolete fields removed",
    "odd_value": "a value of a type that is read as if it were absent",
    "no_user_id": "no user_id",
    "unknown_timezone": "a time zone that is none; it reads as the default",
    "access_without_scopes": "calendar access is noted, but no scopes; it reads as no access",
    "no_creation_time": "no time of creation, and an id that has none",
    "another_client": "tokens of another OAuth client than ours; its id and secret stay",
    "duplicates": "several documents of one user_id",
    "people": "two documents of one person",
    "people_several": "more than two documents of one person",
    "refused": "refused by the database: a validator stands against it, or it would be too large",
    "duplicates_refused": "several documents of one user_id that cannot be merged: too large, or text that is no UTF-8",
    "people_refused": "two documents of one person that cannot be merged: too large, or text that is no UTF-8",
    "changed_meanwhile": "changed by others each time, or text that is not UTF-8; left as it is",
}


class Counted(BaseModel):
    count: int
    samples: list[dict[str, Any]] = []


class Merged(BaseModel):
    """`merged` are people (in a dry run: would be), `removed` documents, `in_conflict` people with two values of one
    field, of which the rule kept one. `several` were left for a person to decide about."""

    merged: int
    removed: int
    in_conflict: int
    several: int
    changed_meanwhile: int
    refused: int
    samples: list[dict[str, Any]]


class Report(BaseModel):
    """`left` is what is not clean at the end: of a dry run, what a run would leave for a person to decide about.

    `changes` counts documents by what is (or would be) changed, `notes` what is told and left as it is.
    """

    run_id: str | None
    dry_run: bool
    looked_at: int
    changed: int
    merging: list[str]
    changed_meanwhile: Counted
    variants: dict[str, Counted]
    changes: dict[str, Counted]
    duplicates: Merged
    people: Merged
    notes: dict[str, Counted]
    left: dict[str, Counted]

    @property
    def clean(self) -> bool:
        return not self.left

    @property
    def to_do(self) -> bool:
        """Whether a run would change something, or a person has to decide about something."""
        merges = self.duplicates.merged + (self.people.merged if "people" in self.merging else 0)
        return bool(self.left or self.changes or merges)

    @classmethod
    def of(cls, found: Normalization, options: Options) -> Self:
        done, people = found.done, found.done if options.merge_by_email else found.standing
        return cls(
            run_id=found.run_id,
            dry_run=found.run_id is None,
            looked_at=done.counts["looked_at"],
            changed=done.counts["changed"],
            merging=["duplicates", *(["people"] if options.merge_by_email else [])],
            changed_meanwhile=_counted(done, "changed_meanwhile"),
            variants=_part(done, "variant_"),
            changes=_part(done, "change_"),
            duplicates=_merged(done, "duplicates"),
            people=_merged(people, "people"),
            notes=_part(found.standing, "note_"),
            left=dict(_left(found, options)),
        )

    def lines(self, *, merge_by_email: bool) -> list[str]:
        done = "would be changed" if self.dry_run else "were changed"
        changes = self.changes.items()
        changed = "" if self.dry_run else f"{self.changed} of "
        lines = [f"{changed}{self.looked_at} documents {done if not self.dry_run else 'were looked at'}."]
        lines += [f"  shape\t{name}\t{each.count}" for name, each in self.variants.items()]
        lines += [f"  {done}\t{_WORDS[name]}\t{each.count}" for name, each in changes]
        lines += self._merge_lines(merge_by_email=merge_by_email)
        lines += [line for name, each in self.notes.items() for line in _told("note", name, each)]
        if self.changed_meanwhile.count:
            lines += _told("note", "changed_meanwhile", self.changed_meanwhile)
        lines += [line for name, each in self.left.items() for line in _told("left", name, each)]
        if self.run_id is not None and (self.changed or self.duplicates.merged or self.people.merged):
            lines.append(f"'switchboard runs undo {self.run_id}' takes this back, but for what others changed since.")
        lines.append("Everything is clean." if self.clean and not self.dry_run else self._ending())
        return lines

    def _ending(self) -> str:
        if self.clean:
            return (
                "A run would do all of this." if self.to_do else "There is nothing to do."
            ) + " Nothing was written."
        said = "A run would leave" if self.dry_run else "There is left"
        return f"{said} what stands above as 'left'." + (" Nothing was written." if self.dry_run else "")

    def _merge_lines(self, *, merge_by_email: bool) -> Iterator[str]:
        done = "would be merged" if self.dry_run else "were merged"
        if self.duplicates.merged:
            told = f"{self.duplicates.removed} documents less, {self.duplicates.in_conflict} with conflicts"
            yield f"  {done}\t{self.duplicates.merged} people with several documents of one user_id: {told}"
        if self.people.merged and merge_by_email:
            yield f"  {done}\t{self.people.merged} people with a Google id and a PropelAuth id"
        elif self.people.merged:
            yield f"  note\t{self.people.merged} people have a Google id and a PropelAuth id: see --merge-by-email"


def _part(tally: Tally, prefix: str) -> dict[str, Counted]:
    names = sorted(name for name in tally.counts if name.startswith(prefix))
    return {name.removeprefix(prefix): _counted(tally, name) for name in names}


def _counted(tally: Tally, name: str) -> Counted:
    return Counted(count=tally.counts[name], samples=tally.samples.get(name, []))


def _merged(tally: Tally, what: str) -> Merged:
    names = ("merged", "removed", "in_conflict", "several", "changed_meanwhile", "refused")
    samples = [each for name in names for each in tally.samples.get(f"{what}_{name}", [])]
    return Merged(**{name: tally.counts[f"{what}_{name}"] for name in names}, samples=samples)


def _left(found: Normalization, options: Options) -> Iterator[tuple[str, Counted]]:
    standing = found.standing
    yield from _part(standing, "finding_").items()
    names = ["duplicates_refused", *(["people_several", "people_refused"] if options.merge_by_email else [])]
    yield from ((name, _counted(standing, name)) for name in names if standing.counts[name])
    if found.run_id is None:
        return
    yield from _part(standing, "change_").items()
    if standing.counts["duplicates_merged"]:
        yield "duplicates", _counted(standing, "duplicates_merged")
    if options.merge_by_email and standing.counts["people_merged"]:
        yield "people", _counted(standing, "people_merged")
    if found.done.counts["refused"]:
        yield "refused", _counted(found.done, "refused")


def _told(word: str, name: str, found: Counted) -> Iterator[str]:
    yield f"  {word}\t{_WORDS[name]}\t{found.count}"
    for sample in found.samples:
        about = " ".join(f"{key}={value}" for key, value in sample.items() if value is not None)
        yield f"    {about}"
