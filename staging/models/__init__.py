"""What staging remembers: fields, constraints and query sets; no rules."""

from .audit import AuditChain, AuditEvent
from .batch import Batch, StagedLine, StagedOrder
from .finding import BoardFinding
from .foreseen import Foreseen, Part
from .many import fresh, insert_each, insert_rows, update_each
from .notice import Channel, Delivery, Notice, Standing
from .receipt import Receipt
from .run import SyncRun
from .snapshot import Seen, Snapshot
from .term import Term

__all__ = [
    "AuditChain",
    "AuditEvent",
    "Batch",
    "BoardFinding",
    "Channel",
    "Delivery",
    "Foreseen",
    "Notice",
    "Part",
    "Receipt",
    "Seen",
    "Snapshot",
    "StagedLine",
    "StagedOrder",
    "Standing",
    "SyncRun",
    "Term",
    "fresh",
    "insert_each",
    "insert_rows",
    "update_each",
]
