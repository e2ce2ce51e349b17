"""What a node holds: records in memory, whose they are, and who is accepted.

Sections 2.1, 2.2, 2.4 and 4 of SPEC.md; trust is the simple part of it, from
peers along vouches.
"""

from __future__ import annotations

from typing import Any, Iterable, Optional

from .certificate import Proven
from .checks import is_bin, need
from .hashes import SIGN_SLIP, verify
from .identity import Chain, Inception, parse_inception
from .record import COMMONS, CONTENT, CONTROL, LOCAL, Later, Record, open_record
from .refuse import Refuse

TRUST_DEPTH = 8


def _inception_of(org: Any, data: Any) -> Optional[Inception]:
    """The inception in data, when it is the one of org."""
    try:
        inception = parse_inception(data) if isinstance(data, bytes) else None
    except Refuse:
        return None
    return inception if inception is not None and inception.org == org else None


def _is_among(id_: bytes, versions: Any) -> bool:
    """Anything but an array of ids is void as a whole: nobody can tell what it means (SPEC 2.4)."""
    return isinstance(versions, list) and all(is_bin(v, 32) for v in versions) and id_ in versions


class Holdings:
    """Members of the sets by id; valid records that are no members (yet) wait."""

    def __init__(self, own: Inception, follow_vouches: bool = True) -> None:
        self.own = own.org
        self.follow_vouches = follow_vouches
        self.records: dict[bytes, Record] = {}
        self.symbols: dict[bytes, Record] = {}
        self.waiting: dict[bytes, Record] = {}
        self.later: dict[bytes, Later] = {}
        self.withdrawals: dict[bytes, list[Record]] = {}
        self.inceptions: dict[bytes, Inception] = {own.org: own}
        self.chains: dict[bytes, Chain] = {own.org: Chain(own)}
        self._proven: dict[bytes, list[Record]] = {}
        self.peers: set[bytes] = set()
        self.blocked: set[bytes] = set()
        self.accepted: set[bytes] = {own.org}
        self.kept: set[bytes] = set()

    # Whose a record is.

    def learn(self, proven: Proven) -> None:
        """Takes the inception and the successions that a peer has shown."""
        self.inceptions[proven.org] = proven.chain.inception
        opened = [open_record(packed) for packed in proven.successions]
        self._proven[proven.org] = [r for r in opened if isinstance(r, Record)]
        self.settle()

    def _all(self, kind: str) -> list[Record]:
        held = (*self.records.values(), *self.waiting.values())
        return [r for r in held if r.is_control(kind)]

    def _learn_inceptions(self) -> None:
        pairs = [(r.body.org, r.body.content.get("inception")) for r in self._all("identity")]
        for record in self._vouches():
            content = record.body.content
            pairs.append((content.get("subject"), content.get("inception")))
        for org, data in pairs:
            inception = _inception_of(org, data)
            if inception is not None:
                self.inceptions.setdefault(inception.org, inception)

    def _chain(self, org: bytes) -> Chain:
        """All keys of the organisation that can be shown from what is at hand."""
        chain = Chain(self.inceptions[org])
        known = [r for r in self._all("identity") if r.body.org == org]
        chain.follow_all(known + self._proven.get(org, []))
        return chain

    def keys(self, org: bytes) -> list[bytes]:
        return self.chains[org].keys if org in self.chains else []

    def is_of(self, record: Record) -> bool:
        """Whether its organisation signed it, and stands by it."""
        chain = self.chains.get(record.body.org)
        return chain is not None and chain.is_of(record)

    def is_revoked(self, org: bytes, node: bytes) -> bool:
        """Whether the organisation has revoked its node with that Ed25519 key (SPEC 2.4)."""
        for record in self.records.values():
            if record.is_control("revocation") and record.body.scope == COMMONS:
                nodes = record.body.content.get("nodes")
                named = isinstance(nodes, list) and 1 <= len(nodes) <= 100
                if record.body.org == org and named and _is_among(node, nodes):
                    return True
        return False

    # Withdrawals.

    def is_effective(self, withdrawal: Record) -> bool:
        """Whether it is of the organisation, or by the teller with a slip of any of its keys."""
        body = withdrawal.body
        if not withdrawal.is_control("withdrawal"):
            return False
        if self.is_of(withdrawal):
            return True
        slip = body.content.get("slip")
        return (
            body.teller == body.key
            and isinstance(slip, bytes)
            and any(verify(SIGN_SLIP, k, body.object, slip) for k in self.keys(body.org))
        )

    @staticmethod
    def covers(withdrawal: Record, record: Record) -> bool:
        """Whether it is of the same object and scope, and names the version if it names any."""
        content = withdrawal.body.content
        return (
            not any(map(record.is_control, ("identity", "revocation", "withdrawal")))
            and withdrawal.body.object == record.body.object
            and withdrawal.body.scope == record.body.scope
            and ("versions" not in content or _is_among(record.id, content["versions"]))
        )

    def is_withdrawn(self, record: Record) -> bool:
        known = self.withdrawals.get(record.body.object, ())
        return any(self.covers(withdrawal, record) for withdrawal in known)

    def _withdraw(self, withdrawal: Record) -> None:
        self.withdrawals.setdefault(withdrawal.body.object, []).append(withdrawal)
        for record in [r for r in self.records.values() if self.covers(withdrawal, r)]:
            self._drop(record)
        for record in [r for r in self.waiting.values() if self.covers(withdrawal, r)]:
            del self.waiting[record.id]

    def withdrawals_of(self, org: bytes, scope: bytes = COMMONS) -> list[bytes]:
        """Symbols of the organisation's withdrawals that are members here."""
        return [
            r.symbol for r in self.records.values()
            if r.is_control("withdrawal") and r.body.org == org and r.body.scope == scope
        ]  # fmt: skip

    # Records in and out.

    def _put(self, record: Record) -> None:
        self.records[record.id] = record
        self.symbols[record.symbol] = record
        if record.is_control("withdrawal"):
            self._withdraw(record)

    def _drop(self, record: Record) -> None:
        del self.records[record.id]
        del self.symbols[record.symbol]
        known = self.withdrawals.get(record.body.object, [])
        if record in known:
            known.remove(record)  # what it covered may be taken in again

    def _is_member(self, record: Record) -> bool:
        body = record.body
        genuine = self.is_of(record) or self.is_effective(record)
        lasting = body.set == CONTROL and body.kind != "vouch"
        trusted = self.accepted | self.kept if lasting else self.accepted
        return genuine and body.org in trusted and not self.is_withdrawn(record)

    def add(self, record: Record) -> str:
        """'added', 'known', 'withdrawn', or 'waiting' for its organisation's acceptance."""
        local = record.body.scope == LOCAL
        need(not local or record.body.org == self.own, "a local record of another organisation")
        if record.id in self.records:
            return "known"
        if self.is_withdrawn(record):
            return "withdrawn"
        if record.body.set != CONTROL and self._is_member(record):
            self._put(record)
            return "added"
        self.waiting[record.id] = record
        if record.body.set == CONTROL:
            self.settle()
        return "added" if record.id in self.records else "waiting"

    def settle(self) -> None:
        """Works out keys, trust and membership until nothing changes any more."""
        before: object = None
        while True:
            self._learn_inceptions()
            self.chains = {org: self._chain(org) for org in self.inceptions}
            self._trust()
            keys = {org: chain.keys for org, chain in self.chains.items()}
            state = (set(self.records), set(self.accepted), keys)
            if state == before:
                return
            before = state
            for record in list(self.records.values()):
                if record.id in self.records and not self._is_member(record):
                    self._drop(record)
                    self.waiting[record.id] = record
            for record in list(self.waiting.values()):
                if record.id in self.waiting and self._is_member(record):
                    self._put(self.waiting.pop(record.id))

    # Trust.

    def _vouches(self) -> list[Record]:
        return [r for r in self.records.values() if r.is_control("vouch")]

    def _trust(self) -> None:
        """Accepted: oneself, peers, and who is reached from them along effective vouches."""
        vouches = []
        for record in self._vouches():
            content = record.body.content
            inception = _inception_of(content.get("subject"), content.get("inception"))
            if inception is not None:
                vouches.append((record.body.org, inception.org))
        reached = ({self.own} | self.peers) - self.blocked
        edge = reached
        for _ in range(TRUST_DEPTH if self.follow_vouches else 0):
            edge = {to for by, to in vouches if by in edge} - self.blocked - reached
            reached = reached | edge
        self.kept = (self.kept | self.accepted) - reached
        self.accepted = reached

    # What is compared on a link.

    def is_compared(
        self, record: Record, accepted: set[bytes], kept: set[bytes], scope: bytes = COMMONS
    ) -> bool:
        """Whether a member is compared with a side accepting these organisations (SPEC 4)."""
        body = record.body
        if body.scope != scope or scope == LOCAL or record.id not in self.records:
            return False
        if body.set == CONTROL and body.kind != "vouch":
            mine = body.org in self.accepted or body.org in self.kept
            return mine and (body.org in accepted or body.org in kept)
        return body.org in self.accepted and body.org in accepted

    def compared(
        self, accepted: set[bytes], kept: set[bytes], scope: bytes = COMMONS
    ) -> Iterable[Record]:
        return (
            r for r in self.records.values() if self.is_compared(r, accepted, kept, scope)
        )
