"""The admin's screens, one file each; importing them registers them."""

from . import (
    adopt,
    batches,
    boards,
    channels,
    customers,
    documents,
    gone,
    orders,
    proof,
    rejected,
    runs,
    schedules,
    start,
)

__all__ = [
    "adopt",
    "batches",
    "boards",
    "channels",
    "customers",
    "documents",
    "gone",
    "orders",
    "proof",
    "rejected",
    "runs",
    "schedules",
    "start",
]
